# One schedule a day and group; what is due is decided when it starts, because no cron says "every Sunday
# but the first". What could not be started within an hour is kept in a queue, and an alarm says so.

locals {
  # Scheduler puts the time in, and with it a second delivery of the same start is known as one:
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
  scheduled_time = "<aws.scheduler.scheduled-time>"

  backup_inputs = {
    for name, schedule in var.schedules : name => merge(
      { group = schedule.group, kind = schedule.kind, scheduled_at = local.scheduled_time },
      schedule.on_overdue == null ? {} : { on_overdue = schedule.on_overdue },
      schedule.policy == null ? {} : { policy = { for key, value in schedule.policy : key => value if value != null } },
    )
  }

  # What the heartbeat holds each group against: how often it is backed up, and how late that may be.
  heartbeat_groups = [
    for schedule in var.schedules : {
      group          = schedule.group
      interval_hours = schedule.interval_hours
      grace_hours    = schedule.grace_hours
    } if schedule.enabled
  ]
}

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
  #checkov:skip=CKV_AWS_297:the input names a group; Scheduler encrypts it with its own key

  for_each = var.schedules

  name                         = each.key
  description                  = "${each.value.kind} backup of group ${each.value.group}"
  group_name                   = aws_scheduler_schedule_group.this.name
  schedule_expression          = each.value.expression
  schedule_expression_timezone = coalesce(each.value.timezone, var.time_zone)
  state                        = each.value.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.this["backup"].arn
    role_arn = aws_iam_role.scheduler.arn
    # jsonencode writes < and > as escapes, in which Scheduler does not see its keyword.
    input = replace(replace(jsonencode(local.backup_inputs[each.key]), "\\u003c", "<"), "\\u003e", ">")

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

resource "aws_scheduler_schedule" "audit" {
  #checkov:skip=CKV_AWS_297:the input is empty; Scheduler encrypts it with its own key

  count = var.audit == null ? 0 : 1

  name                         = "audit"
  description                  = "Compares the repository with the recorded backups"
  group_name                   = aws_scheduler_schedule_group.this.name
  schedule_expression          = var.audit.expression
  schedule_expression_timezone = var.audit.timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.this["audit"].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = "{}"

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

# What nobody fails over, as metrics: see docs/metrics.md. It does not wait for the state machines, so that
# it also speaks when they do not.
resource "aws_scheduler_schedule" "heartbeat" {
  #checkov:skip=CKV_AWS_297:the input names groups; Scheduler encrypts it with its own key

  name                = "heartbeat"
  description         = "Writes the metrics that the alarms look at"
  group_name          = aws_scheduler_schedule_group.this.name
  schedule_expression = "rate(1 hour)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.this["precheck"].qualified_arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ operation = "heartbeat", groups = local.heartbeat_groups })

    # The next one comes in an hour.
    retry_policy {
      maximum_event_age_in_seconds = 900
      maximum_retry_attempts       = 2
    }
  }

  depends_on = [aws_iam_role_policy.scheduler]
}

# The network interfaces of a function in a VPC that nobody calls for weeks are taken away, and the calls that
# bring them back fail: https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html. A restore is rare,
# and must not begin so. What the state machines call is pinged; a version that was replaced is not.
locals {
  pinged = var.vpc == null ? {} : local.functions
}

resource "aws_scheduler_schedule" "ping" {
  #checkov:skip=CKV_AWS_297:the input says nothing; Scheduler encrypts it with its own key
  for_each = local.pinged

  name                = "ping-${each.key}"
  description         = "Keeps the function ${each.key} ready"
  group_name          = aws_scheduler_schedule_group.this.name
  schedule_expression = "rate(7 days)"

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 60
  }

  target {
    arn      = aws_lambda_function.this[each.key].qualified_arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ ping = true })

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }
  }

  depends_on = [aws_iam_role_policy.scheduler]
}
