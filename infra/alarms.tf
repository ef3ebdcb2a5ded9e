# Alarms on what AWS itself counts (executions that did not succeed, and starts that did not happen), and
# on what the functions write: docs/metrics.md.

locals {
  topic_arn = var.topic == null ? aws_sns_topic.alarms[0].arn : var.topic.arn

  alarms = merge(
    {
      for pair in setproduct(keys(local.machines), ["Failed", "Aborted", "TimedOut"]) :
      "${pair[0]}-${lower(pair[1])}" => {
        description = "An execution of ${var.name_prefix}-${pair[0]} ended ${pair[1]}. Its error names what failed and what to do next."
        namespace   = "AWS/States"
        metric      = "Executions${pair[1]}"
        dimensions  = { StateMachineArn = aws_sfn_state_machine.this[pair[0]].arn }
      }
    },
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
    {
      for metric in ["TargetErrorCount", "InvocationDroppedCount"] :
      "schedule-${lower(trimsuffix(metric, "Count"))}" => {
        description = "A schedule could not start its execution (${metric}). What was given up is in the queue ${aws_sqs_queue.not_started.name}."
        namespace   = "AWS/Scheduler"
        metric      = metric
        dimensions  = { ScheduleGroup = aws_scheduler_schedule_group.this.name }
      }
    },
    {
      not-started = {
        description = "A scheduled execution was given up before it was started, or what a stopped one left could not be recorded: the queue ${aws_sqs_queue.not_started.name} says which. Start it by hand, or leave the other to the next execution; then delete the message."
        namespace   = "AWS/SQS"
        metric      = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = aws_sqs_queue.not_started.name }
      }
    },
  )
}

# Each of the functions' metrics that somebody has to act on, with what makes it one.
locals {
  metric_alarms = {
    overdue = {
      metric      = "OverdueGroups"
      description = "A group has no good backup that is young enough, or nothing was heard of the cluster for three hours. The log of the function precheck names the group, or why the cluster cannot be reached."
      above       = 0
      period      = 3600
      periods     = 3
      # Silence is what a cluster or a function that cannot be reached sounds like.
      missing = "breaching"
    }
    repository = {
      metric      = "RepositoryErrors"
      description = "StarRocks cannot list the repository, or has none of that name: the next backup will fail. starrocks-br doctor says what is wrong."
      above       = 0
      period      = 3600
      periods     = 1
      missing     = "notBreaching"
    }
    window = {
      metric      = "WindowUsedPercent"
      description = "A backup takes longer than its window. starrocks-br status shows how far it is; it goes on unless it is cancelled."
      above       = 100
      period      = 900
      periods     = 1
      missing     = "notBreaching"
    }
    lost = {
      metric      = "LostBackups"
      description = "Recorded backups cannot be restored any more: objects are gone from the repository. Make a new full now; starrocks-br doctor --orphans lists what is lost."
      above       = 0
      period      = 3600
      periods     = 1
      missing     = "notBreaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "metric" {
  for_each = local.metric_alarms

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = var.name_prefix
  metric_name         = each.value.metric
  statistic           = "Maximum"
  period              = each.value.period
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  treat_missing_data  = each.value.missing
  alarm_actions       = [local.topic_arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "disk" {
  alarm_name          = "${var.name_prefix}-disk"
  alarm_description   = "The fullest disk of a backend has less than 15 % free: loads and snapshots will stop. Add disks, or drop what restores have left behind."
  namespace           = var.name_prefix
  metric_name         = "MinFreeDiskPercent"
  statistic           = "Minimum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 15
  # Without OPERATE ON SYSTEM nobody can see disks.
  treat_missing_data = "notBreaching"
  alarm_actions      = [local.topic_arn]
  tags               = var.tags
}

# Not encrypted with alias/aws/sns: its policy cannot be changed, and CloudWatch may not use it:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
resource "aws_sns_topic" "alarms" {
  count = var.topic == null ? 1 : 0

  name = "${var.name_prefix}-alarms"
  tags = var.tags
}

resource "aws_sns_topic_policy" "alarms" {
  count = length(aws_sns_topic.alarms)

  arn = aws_sns_topic.alarms[0].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms[0].arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = "${local.arn}:cloudwatch:${local.region}:${local.account}:alarm:${var.name_prefix}-*" }
        }
      },
      {
        # Rules of your own, on the events that the machines send. In this account:
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
        Sid       = "Events"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms[0].arn
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.namespace == "AWS/SQS" ? "Maximum" : "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  # None of these counts is written while nothing happens.
  treat_missing_data = "notBreaching"
  alarm_actions      = [local.topic_arn]
  tags               = var.tags
}
