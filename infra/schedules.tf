# One schedule starts one kind of backup of one group. What could not be started within an hour is kept in
# a queue, and an alarm says so.

resource "aws_scheduler_schedule_group" "this" {
  name = var.name_prefix
  tags = var.tags
}

resource "aws_sqs_queue" "not_started" {
  name                      = "${var.name_prefix}-not-started"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_scheduler_schedule" "backup" {
  for_each = var.schedules

  name                         = each.key
  description                  = "${each.value.kind} backup of group ${each.value.group}"
  group_name                   = aws_scheduler_schedule_group.this.name
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone
  state                        = each.value.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.this["backup"].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ group = each.value.group, kind = each.value.kind })

    # Later than an hour it would run into the day; the next night makes up for it.
    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }
    dead_letter_config {
      arn = aws_sqs_queue.not_started.arn
    }
  }

  depends_on = [aws_iam_role_policy.scheduler]
}
