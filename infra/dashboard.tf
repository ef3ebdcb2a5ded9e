# One page: did the backups happen, how long did they take, how old is the newest good one, what is short.
# What the functions write is in docs/metrics.md; AWS/States and AWS/Lambda count the rest:
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html

locals {
  dashboard_groups = distinct([for schedule in var.schedules : schedule.group])

  # Three in a row of 24 columns, each 8 wide and 6 high.
  dashboard_widgets = [
    {
      title = "Backups that succeeded, of those that ended (%)"
      stat  = "Sum"
      # A day: of a group there is one execution in it.
      period = 86400
      metrics = concat(
        [[{ expression = "100 * succeeded / (succeeded + FILL(failed, 0) + FILL(aborted, 0) + FILL(timedout, 0))", label = "success rate", id = "rate" }]],
        [
          for outcome in ["Succeeded", "Failed", "Aborted", "TimedOut"] :
          ["AWS/States", "Executions${outcome}", "StateMachineArn", aws_sfn_state_machine.this["backup"].arn, { id = lower(outcome), visible = false }]
        ],
      )
    },
    {
      title   = "Databases backed up, and not"
      stat    = "Sum"
      period  = 86400
      metrics = [for metric in ["DatabasesBackedUp", "DatabasesFailed", "ExecutionsSkipped"] : [var.name_prefix, metric]]
    },
    {
      title  = "Stored per day and group (bytes, as StarRocks estimates)"
      stat   = "Sum"
      period = 86400
      metrics = [for group in local.dashboard_groups : [
        var.name_prefix, "BytesStored", "Group", group, { label = group }
      ]]
    },
    {
      title  = "Age of the newest good backup (hours)"
      stat   = "Maximum"
      period = 3600
      metrics = concat(
        [for index, group in local.dashboard_groups : [{ expression = "age${index} / 3600", label = group, id = "hours${index}" }]],
        [for index, group in local.dashboard_groups : [
          var.name_prefix, "NewestBackupAge", "Group", group, { id = "age${index}", visible = false }
        ]],
      )
    },
    {
      title  = "Window used (%)"
      stat   = "Maximum"
      period = 900
      metrics = [for group in local.dashboard_groups : [
        var.name_prefix, "WindowUsedPercent", "Group", group, { label = group }
      ]]
    },
    {
      title  = "Duration of executions (ms)"
      stat   = "Maximum"
      period = 3600
      metrics = [for name, machine in aws_sfn_state_machine.this : [
        "AWS/States", "ExecutionTime", "StateMachineArn", machine.arn, { label = name }
      ]]
    },
    {
      title   = "Free on the fullest disk (%)"
      stat    = "Minimum"
      period  = 3600
      metrics = [[var.name_prefix, "MinFreeDiskPercent"]]
    },
    {
      title   = "What somebody has to look at"
      stat    = "Maximum"
      period  = 3600
      metrics = [for metric in ["OverdueGroups", "ActiveLeasesExpired", "RepositoryErrors", "LostBackups"] : [var.name_prefix, metric]]
    },
    {
      title  = "Executions that did not succeed"
      stat   = "Sum"
      period = 3600
      # Not flatten, which would take the metrics apart as well.
      metrics = concat([
        for name, machine in aws_sfn_state_machine.this : [
          for outcome in ["Failed", "Aborted", "TimedOut"] :
          ["AWS/States", "Executions${outcome}", "StateMachineArn", machine.arn, { label = "${name} ${lower(outcome)}" }]
        ]
      ]...)
    },
    {
      title = "Speed of backups (GB per minute of execution)"
      stat  = "Sum"
      # Of all groups, as executions are counted: the bytes and the minutes of a day.
      period = 86400
      metrics = [
        [{ expression = "bytes / 1000000000 / (milliseconds / 60000)", label = "GB per minute", id = "speed" }],
        [var.name_prefix, "BytesStored", { id = "bytes", visible = false }],
        ["AWS/States", "ExecutionTime", "StateMachineArn", aws_sfn_state_machine.this["backup"].arn, { id = "milliseconds", visible = false }],
      ]
    },
    {
      title   = "Longest call of each function (ms)"
      stat    = "Maximum"
      period  = 3600
      metrics = [for name, function in aws_lambda_function.this : ["AWS/Lambda", "Duration", "FunctionName", function.function_name, { label = name }]]
    },
    {
      title   = "Calls that failed, most of which are tried again"
      stat    = "Sum"
      period  = 3600
      metrics = [for name, function in aws_lambda_function.this : ["AWS/Lambda", "Errors", "FunctionName", function.function_name, { label = name }]]
    },
  ]
}

locals {
  # Without a schedule there is no group to show, and a chart of nothing is refused.
  dashboard_shown = [for widget in local.dashboard_widgets : widget if length(widget.metrics) > 0]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.name_prefix
  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.dashboard_shown : {
        type   = "metric"
        x      = 8 * (index % 3)
        y      = 6 * floor(index / 3)
        width  = 8
        height = 6
        properties = {
          title   = widget.title
          region  = local.region
          view    = "timeSeries"
          stacked = false
          stat    = widget.stat
          period  = widget.period
          metrics = widget.metrics
        }
      }
    ]
  })
}
