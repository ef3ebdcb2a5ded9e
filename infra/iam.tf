# One role per function, machine and scheduler, each with what it needs and no more. Two things have to be
# allowed on every resource, because AWS knows no narrower: network interfaces of functions in a VPC, and
# the delivery of a state machine's logs.

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_region.current.name
  arn     = "arn:${data.aws_partition.current.partition}"
}

# --- functions

resource "aws_iam_role" "function" {
  for_each = local.functions

  name                 = "${var.name_prefix}-${each.key}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name = "function"
  role = aws_iam_role.function[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Secret"
          Effect   = "Allow"
          Action   = "secretsmanager:GetSecretValue"
          Resource = var.secret_arn
        },
        {
          # The group exists already, so that its retention holds.
          Sid      = "Logs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${local.arn}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.name_prefix}-${each.key}:*"
        },
      ],
      var.secret_kms_key == null ? [] : [{
        Sid       = "SecretKey"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.secret_kms_key.arn
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${local.region}.${data.aws_partition.current.dns_suffix}" } }
      }],
      [for statement in [
        {
          Sid      = "NetworkInterfaces"
          Effect   = "Allow"
          Action   = local.network_actions
          Resource = "*"
        },
        {
          # For the Lambda service, not for the code that it runs:
          # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
          Sid       = "NotForTheCode"
          Effect    = "Deny"
          Action    = local.network_actions
          Resource  = "*"
          Condition = { ArnEquals = { "lambda:SourceFunctionArn" = "${local.arn}:lambda:${local.region}:${local.account}:function:${var.name_prefix}-${each.key}" } }
        },
      ] : statement if var.vpc != null],
    )
  })
}

locals {
  # As in the managed policy AWSLambdaENIManagementAccess, with the subnets that Lambda looks up since 2024:
  # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html
  network_actions = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ]
}

# --- state machines

resource "aws_iam_role" "machine" {
  for_each = local.machines

  name                 = "${var.name_prefix}-machine-${each.key}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
  # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "${local.arn}:states:${local.region}:${local.account}:stateMachine:${var.name_prefix}-${each.key}" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "machine" {
  for_each = local.machines

  name = "machine"
  role = aws_iam_role.machine[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in [
      {
        # Every version: an execution goes on with those that it began with.
        Sid      = "Functions"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = [for function in each.value.functions : "${aws_lambda_function.this[function].arn}:*"]
      },
      {
        Sid      = "Announce"
        Effect   = "Allow"
        Action   = "events:PutEvents"
        Resource = "${local.arn}:events:${local.region}:${local.account}:event-bus/default"
      },
      {
        # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
        Sid    = "LogDelivery"
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery",
          "logs:GetLogDelivery",
          "logs:UpdateLogDelivery",
          "logs:DeleteLogDelivery",
          "logs:ListLogDeliveries",
          "logs:PutResourcePolicy",
          "logs:DescribeResourcePolicies",
          "logs:DescribeLogGroups",
        ]
        Resource = "*"
      },
    ] : statement if statement.Sid != "Announce" || strcontains(file("${path.module}/statemachine/${each.value.file}.asl.json"), ":events:putEvents")]
  })
}

# --- scheduler

resource "aws_iam_role" "scheduler" {
  name                 = "${var.name_prefix}-scheduler"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account
          "aws:SourceArn"     = aws_scheduler_schedule_group.this.arn
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = "scheduler"
  role = aws_iam_role.scheduler.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Start"
        Effect   = "Allow"
        Action   = "states:StartExecution"
        Resource = [for machine in ["backup", "audit"] : aws_sfn_state_machine.this[machine].arn]
      },
      {
        Sid      = "Heartbeat"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = [for function in keys(merge(local.pinged, { precheck = "heartbeat" })) : aws_lambda_function.this[function].qualified_arn]
      },
      {
        Sid      = "NotStarted"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = aws_sqs_queue.not_started.arn
      },
    ]
  })
}
