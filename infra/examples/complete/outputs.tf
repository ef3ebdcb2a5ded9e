output "create_repository" {
  value = module.starrocks_br.create_repository
}

output "grants" {
  value = module.starrocks_br.grants
}

output "state_machine_arns" {
  value = module.starrocks_br.state_machine_arns
}

output "bucket" {
  value = module.starrocks_br.bucket
}

output "topic_arn" {
  value = module.starrocks_br.topic_arn
}
