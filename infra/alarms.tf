# Alarms on what AWS itself counts: executions that did not succeed, and starts that did not happen.

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
        description = "A scheduled execution was given up before it was started: the queue ${aws_sqs_queue.not_started.name} says which. Start it by hand, then delete the message."
        namespace   = "AWS/SQS"
        metric      = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = aws_sqs_queue.not_started.name }
      }
    },
  )
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
    Statement = [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms[0].arn
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
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
