# The six functions, each from its zip, each with a log group that exists before its first line.

locals {
  # start-backup, restore and audit-orphans hold a whole plan or listing in memory. In the state machines
  # TimeoutSeconds of a Task is its function's timeout and 30 seconds: Lambda ends it, and says so by name,
  # before Step Functions gives up on it.
  functions = {
    precheck       = { memory = 256, timeout = 300 }
    start-backup   = { memory = 1024, timeout = 900 }
    poll-status    = { memory = 256, timeout = 300 }
    record-history = { memory = 256, timeout = 900 }
    restore        = { memory = 1024, timeout = 900 }
    audit-orphans  = { memory = 1024, timeout = 900 }
  }

  environment = merge(var.environment, {
    STARROCKS_SECRET_ARN      = var.secret_arn
    STARROCKS_REPOSITORY      = var.repository
    STARROCKS_OPS_DATABASE    = var.ops_database
    STARROCKS_BR_TIME_ZONE    = var.time_zone
    STARROCKS_BR_WINDOW_HOURS = tostring(var.window_hours)
    # Two instances in one account would otherwise write the same metrics.
    STARROCKS_BR_METRIC_NAMESPACE = var.name_prefix
  })
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts with its own key; no secret is ever logged
  #checkov:skip=CKV_AWS_338:log_retention_days is yours to choose; the history of backups is in StarRocks, not here

  for_each = local.functions

  name              = "/aws/lambda/${var.name_prefix}-${each.key}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:what takes time is StarRocks, which a trace does not see
  #checkov:skip=CKV_AWS_115:a limit would be taken from the account's; the machines start no more than a group has databases
  #checkov:skip=CKV_AWS_116:the machines wait for the answer and say what failed; a heartbeat that fails is missed by its alarm
  #checkov:skip=CKV_AWS_173:names and an ARN, no secret; Lambda encrypts them with its own key
  #checkov:skip=CKV_AWS_272:the packages are built by whoever deploys them, from source

  for_each = local.functions

  function_name    = "${var.name_prefix}-${each.key}"
  description      = "starrocks-br: ${each.key}"
  role             = aws_iam_role.function[each.key].arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = "${var.packages}/${each.key}.zip"
  source_code_hash = filebase64sha256("${var.packages}/${each.key}.zip")
  memory_size      = each.value.memory
  timeout          = each.value.timeout
  # The state machines call a published version: an execution that is on its way ends on the code it
  # began with.
  publish = true
  tags    = var.tags

  environment {
    variables = local.environment
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.function]
}
