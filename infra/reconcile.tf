# Stop, abort and timeout of an execution run no Catch, and a failed one may leave what it could not follow to
# its end. The event that says so calls record-history, which records what StarRocks has finished and gives the
# databases back: the next execution need not wait until their leases expire. It can be told twice or late.

locals {
  reconciled_machines = ["backup", "restore", "restore-promote"]
}

# https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
resource "aws_cloudwatch_event_rule" "reconcile" {
  name        = "${var.name_prefix}-reconcile"
  description = "Executions that were stopped, ran out of time or failed"
  tags        = var.tags
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      status          = ["ABORTED", "TIMED_OUT", "FAILED"]
      stateMachineArn = [for machine in local.reconciled_machines : aws_sfn_state_machine.this[machine].arn]
    }
  })
}

resource "aws_cloudwatch_event_target" "reconcile" {
  rule      = aws_cloudwatch_event_rule.reconcile.name
  target_id = "record-history"
  arn       = aws_lambda_function.this["record-history"].qualified_arn

  # Not by jsonencode, which escapes < and >.
  input_transformer {
    input_paths = {
      arn        = "$.detail.executionArn"
      started_ms = "$.detail.startDate"
      status     = "$.detail.status"
    }
    input_template = "{\"operation\":\"reconcile\",\"arn\":\"<arn>\",\"started_ms\":<started_ms>,\"status\":\"<status>\",\"cancel_on_abort\":${var.cancel_on_abort}}"
  }

  # Later than that the leases have expired by themselves, and the next execution looks anyway.
  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 10
  }
  dead_letter_config {
    arn = aws_sqs_queue.not_started.arn
  }
}

resource "aws_lambda_permission" "reconcile" {
  statement_id  = "Reconcile"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["record-history"].function_name
  qualifier     = aws_lambda_function.this["record-history"].version
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.reconcile.arn
}

# The rule's own retries end when Lambda has taken the event. What the function then fails with is repeated by
# Lambda: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
resource "aws_lambda_function_event_invoke_config" "reconcile" {
  function_name                = aws_lambda_function.this["record-history"].function_name
  qualifier                    = aws_lambda_function.this["record-history"].version
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.not_started.arn
    }
  }

  depends_on = [aws_iam_role_policy.reconcile]
}

# Lambda sends there as the function: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
resource "aws_iam_role_policy" "reconcile" {
  name = "reconcile"
  role = aws_iam_role.function["record-history"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "NotReconciled"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = aws_sqs_queue.not_started.arn
    }]
  })
}

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
resource "aws_sqs_queue_policy" "not_started" {
  queue_url = aws_sqs_queue.not_started.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "NotReconciled"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.not_started.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.reconcile.arn } }
    }]
  })
}
