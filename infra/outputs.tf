output "state_machine_arns" {
  description = "backup, restore, restore-promote and audit."
  value       = { for name, machine in aws_sfn_state_machine.this : name => machine.arn }
}

output "function_names" {
  description = "The six functions."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}

output "schedule_group" {
  description = "Where the schedules are."
  value       = aws_scheduler_schedule_group.this.name
}

output "not_started_queue_url" {
  description = "What a schedule could not start, and what a stopped execution left that could not be recorded."
  value       = aws_sqs_queue.not_started.url
}

output "topic_arn" {
  description = "Where alarms are sent: subscribe to it."
  value       = local.topic_arn
}

output "bucket" {
  description = "Where the snapshots are."
  value       = local.bucket_name
}

output "repository_policy_arn" {
  description = "For the role of the StarRocks nodes, where starrocks_role_names does not attach it."
  value       = aws_iam_policy.repository.arn
}

output "create_repository" {
  description = "The statement to run once in StarRocks. No keys: the nodes' instance profile has access."
  value       = <<-SQL
    CREATE REPOSITORY `${var.repository}` WITH BROKER
    ON LOCATION "s3a://${local.bucket_name}/${var.bucket_prefix}"
    PROPERTIES (
        "aws.s3.region" = "${local.region}",
        "aws.s3.endpoint" = "https://s3.${local.region}.${data.aws_partition.current.dns_suffix}",
        "aws.s3.use_instance_profile" = "true"
    );
  SQL
}

output "grants" {
  description = "What the user of the secret needs: run it once in StarRocks, then grant br_role to that user and make it a default role."
  value       = templatefile("${path.module}/grants.sql.tftpl", { databases = var.databases, ops_database = var.ops_database })
}
