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

output "not_started_queue_url" {
  description = "What a schedule could not start, and what a stopped execution left that could not be recorded."
  value       = module.starrocks_br.not_started_queue_url
}

output "function_names" {
  value = module.starrocks_br.function_names
}
