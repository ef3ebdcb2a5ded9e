# The machines are the files that the command line interprets, with ARNs put in.

locals {
  # Restores are two machines of one file, so that whoever is on call may stage and verify, and few may
  # swap. limit_hours is no mechanism. It ends what hangs, and never before StarRocks has ended every job
  # that is followed:
  # - a backup follows up to three BACKUPs of a database one after the other, that of an execution that died
  #   and two of its own, because what may pass is tried once more. StarRocks ends each after twice the
  #   window. A day more is for a group whose databases are started and recorded four at a time.
  # - a restore follows one RESTORE after the other, as many as there are snapshots and databases, and
  #   StarRocks gives each at least a day. But after nine days of looks the history of an execution is full,
  #   and Step Functions end it: a limit after that cuts nothing short.
  machines = {
    backup = {
      file        = "backup"
      functions   = ["precheck", "start-backup", "poll-status", "record-history"]
      limit_hours = 3 * 2 * var.window_hours + 24
    }
    restore = {
      file        = "restore"
      values      = { RestoreMachine = "stage" }
      functions   = ["precheck", "restore", "poll-status", "record-history"]
      limit_hours = 10 * 24
    }
    restore-promote = {
      file   = "restore"
      values = { RestoreMachine = "promote" }
      # It builds nothing, so there is no job to look at.
      functions   = ["precheck", "restore", "record-history"]
      limit_hours = 10 * 24
    }
    audit = {
      file        = "audit"
      functions   = ["audit-orphans"]
      limit_hours = 2
    }
  }

  placeholders = {
    Partition                = data.aws_partition.current.partition
    PrecheckFunctionArn      = aws_lambda_function.this["precheck"].qualified_arn
    StartBackupFunctionArn   = aws_lambda_function.this["start-backup"].qualified_arn
    PollStatusFunctionArn    = aws_lambda_function.this["poll-status"].qualified_arn
    RecordHistoryFunctionArn = aws_lambda_function.this["record-history"].qualified_arn
    RestoreFunctionArn       = aws_lambda_function.this["restore"].qualified_arn
    AuditOrphansFunctionArn  = aws_lambda_function.this["audit-orphans"].qualified_arn
  }
}

resource "aws_cloudwatch_log_group" "machine" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts with its own key; no secret is ever logged
  #checkov:skip=CKV_AWS_338:log_retention_days is yours to choose; the history of backups is in StarRocks, not here

  for_each = local.machines

  # Under this prefix AWS keeps the resource policy of log delivery short of its size limit:
  # https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
  name              = "/aws/vendedlogs/states/${var.name_prefix}-${each.key}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_sfn_state_machine" "this" {
  #checkov:skip=CKV_AWS_284:every state is in the execution's history; a trace would say the same once more

  for_each = local.machines

  name     = "${var.name_prefix}-${each.key}"
  type     = "STANDARD"
  role_arn = aws_iam_role.machine[each.key].arn
  definition = jsonencode(merge(
    jsondecode(templatefile(
      "${path.module}/statemachine/${each.value.file}.asl.json",
      merge(local.placeholders, lookup(each.value, "values", {})),
    )),
    { TimeoutSeconds = each.value.limit_hours * 3600 },
  ))
  tags = var.tags

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.machine[each.key].arn}:*"
  }

  depends_on = [aws_iam_role_policy.machine]
}
