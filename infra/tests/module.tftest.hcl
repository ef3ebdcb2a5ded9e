# What the module promises, on a provider that only pretends. `terraform test -var packages=FOLDER`, as
# tests/aws/run does.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  secret_arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:starrocks-br-AbCdEf"
  repository = "backups"
  databases  = ["sales"]
  schedules = {
    nightly = { group = "nightly", expression = "cron(15 4 * * ? *)", timezone = "Europe/Berlin", policy = { full_on = "saturday", daily_days = 30 } }
    plain   = { group = "plain", expression = "cron(15 4 * * ? *)" }
  }
}

run "functions" {
  assert {
    condition     = join(" ", keys(aws_lambda_function.this)) == "audit-orphans poll-status precheck record-history restore start-backup"
    error_message = "The six functions."
  }
  assert {
    condition     = alltrue([for f in aws_lambda_function.this : f.runtime == "provided.al2023" && f.publish && f.architectures == tolist(["arm64"])])
    error_message = "Published, on Amazon Linux 2023 and Graviton."
  }
  assert {
    condition = alltrue([for f in aws_lambda_function.this : join(" ", sort(keys(f.environment[0].variables))) ==
    "STARROCKS_BR_METRIC_NAMESPACE STARROCKS_BR_TIME_ZONE STARROCKS_BR_WINDOW_HOURS STARROCKS_OPS_DATABASE STARROCKS_REPOSITORY STARROCKS_SECRET_ARN"])
    error_message = "Functions are given an ARN, and no password."
  }
  assert {
    condition     = alltrue([for group in concat(values(aws_cloudwatch_log_group.function), values(aws_cloudwatch_log_group.machine)) : group.retention_in_days == 30])
    error_message = "Logs do not stay for ever."
  }
}

run "least_privilege" {
  assert {
    condition = alltrue([for policy in aws_iam_role_policy.function : join(" ", flatten([for statement in jsondecode(policy.policy).Statement : statement.Action])) ==
    "secretsmanager:GetSecretValue logs:CreateLogStream logs:PutLogEvents"])
    error_message = "A function reads its secret and writes its log."
  }
  assert {
    condition = alltrue([for name, policy in aws_iam_role_policy.function : jsonencode([for statement in jsondecode(policy.policy).Statement : statement.Resource]) ==
    jsonencode([var.secret_arn, "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/aws/lambda/starrocks-br-${name}:*"])])
    error_message = "Its own secret and its own log."
  }
  assert {
    condition = jsonencode(distinct(flatten([
      for policy in concat(values(aws_iam_role_policy.function), values(aws_iam_role_policy.machine), [aws_iam_role_policy.scheduler]) : [
        for statement in jsondecode(policy.policy).Statement : statement.Sid if contains(flatten([statement.Resource]), "*")
      ]
    ]))) == jsonencode(["LogDelivery"])
    error_message = "Only the delivery of logs is allowed on every resource."
  }
  assert {
    condition = alltrue([
      for policy in concat(values(aws_iam_role_policy.function), values(aws_iam_role_policy.machine), [aws_iam_role_policy.scheduler]) :
      !anytrue([for action in flatten([for statement in jsondecode(policy.policy).Statement : statement.Action]) : strcontains(action, "*")])
    ])
    error_message = "Actions are named."
  }
  assert {
    condition = alltrue([
      for role in concat(values(aws_iam_role.function), values(aws_iam_role.machine), [aws_iam_role.scheduler]) :
      alltrue([for statement in jsondecode(role.assume_role_policy).Statement : statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012"])
    ])
    error_message = "A service assumes a role for this account only."
  }
  assert {
    condition = { for name, role in aws_iam_role.machine : name => jsondecode(role.assume_role_policy).Statement[0].Condition.ArnLike["aws:SourceArn"] } == {
      for name in ["audit", "backup", "restore", "restore-promote"] : name => "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:starrocks-br-${name}"
    }
    error_message = "Step Functions for that machine only."
  }
  assert {
    condition     = jsondecode(aws_iam_role.scheduler.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceArn"] == aws_scheduler_schedule_group.this.arn
    error_message = "And Scheduler for these schedules only."
  }
  assert {
    condition     = length(jsondecode(aws_iam_role_policy.machine["restore"].policy).Statement[0].Resource) == 4
    error_message = "A machine calls its own functions."
  }
  assert {
    condition = alltrue([
      for name, policy in aws_iam_role_policy.machine :
      contains([for statement in jsondecode(policy.policy).Statement : statement.Sid], "Announce") == strcontains(file("statemachine/${local.machines[name].file}.asl.json"), "events:putEvents")
    ])
    error_message = "A machine that announces nothing may not."
  }
  assert {
    condition = { for statement in jsondecode(aws_sns_topic_policy.alarms[0].policy).Statement : statement.Principal.Service => statement.Condition } == {
      "cloudwatch.amazonaws.com" = {
        StringEquals = { "aws:SourceAccount" = "123456789012" }
        ArnLike      = { "aws:SourceArn" = "arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:starrocks-br-*" }
      }
      "events.amazonaws.com" = { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    }
    error_message = "The topic is for this account's alarms and rules."
  }
  assert {
    condition     = join(" ", distinct(flatten([for statement in jsondecode(aws_sns_topic_policy.alarms[0].policy).Statement : [statement.Action, statement.Resource]]))) == "sns:Publish ${aws_sns_topic.alarms[0].arn}"
    error_message = "And it is there to be published to."
  }
  assert {
    condition = alltrue([for action in flatten([for statement in jsondecode(aws_iam_policy.repository.policy).Statement : statement.Action]) :
    !anytrue([for forbidden in ["Version", "Lifecycle", "Bypass", "Policy", "DeleteBucket", "*"] : strcontains(action, forbidden)])])
    error_message = "StarRocks can neither delete a version nor change how the bucket keeps them."
  }
}

run "bucket" {
  assert {
    condition     = aws_s3_bucket.this[0].force_destroy == false
    error_message = "No destroy takes the backups with it."
  }
  assert {
    condition     = alltrue([for flag in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"] : aws_s3_bucket_public_access_block.this[0][flag]])
    error_message = "Not public."
  }
  assert {
    condition = jsondecode(aws_s3_bucket_policy.this[0].policy).Statement[0] == {
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws-cn:s3:::starrocks-br-123456789012-cn-north-1", "arn:aws-cn:s3:::starrocks-br-123456789012-cn-north-1/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
    error_message = "TLS only, for the bucket and for its objects."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this[0].versioning_configuration[0].status == "Enabled"
    error_message = "Versioned."
  }
  assert {
    condition = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : alltrue([for expiration in rule.expiration : expiration.expired_object_delete_marker])])
    # S3 takes no age together with it.
    error_message = "What expires is a delete marker that nothing is left of, never a current object by its age."
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : length(rule.transition) == 0])
    error_message = "Nothing moves by itself."
  }
  assert {
    condition     = aws_s3_bucket.this[0].object_lock_enabled == false
    error_message = "Nothing is locked by itself."
  }
  assert {
    condition     = one(flatten([for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : [for noncurrent in rule.noncurrent_version_expiration : noncurrent.noncurrent_days]])) == 37
    error_message = "What was deleted can be brought back for 30 days and a week."
  }
}

run "a_bucket_that_is_locked_and_moves_to_a_cheaper_class" {
  variables {
    bucket_transition  = { storage_class = "GLACIER_IR", days = 30 }
    bucket_object_lock = true
  }
  assert {
    condition     = flatten([for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : [for transition in rule.transition : [transition.days, transition.storage_class]]]) == [30, "GLACIER_IR"]
    error_message = "All objects move, once."
  }
  assert {
    condition     = aws_s3_bucket.this[0].object_lock_enabled
    error_message = "Made with Object Lock."
  }
}

run "machines" {
  assert {
    condition     = jsondecode(aws_sfn_state_machine.this["backup"].definition).TimeoutSeconds >= 3 * 2 * 24 * 3600 + 24 * 3600
    error_message = "Three BACKUPs, each of twice the window, and a day besides."
  }
  assert {
    condition     = alltrue([for machine in ["restore", "restore-promote"] : jsondecode(aws_sfn_state_machine.this[machine].definition).TimeoutSeconds > 25000 / 9 * 300])
    error_message = "A restore outlives its looks: each of them, every five minutes, is nine of 25,000 events."
  }
  assert {
    condition = merge(jsondecode(aws_sfn_state_machine.this["backup"].definition), { TimeoutSeconds = null }) == merge(
    jsondecode(templatefile("statemachine/backup.asl.json", local.placeholders)), { TimeoutSeconds = null })
    error_message = "Nothing but the limit is added to the file."
  }
  # Lambda ends a function before Step Functions gives up on it.
  assert {
    condition = alltrue(flatten([
      for machine in ["backup", "restore", "audit"] : [
        for state in concat(
          values(jsondecode(file("statemachine/${machine}.asl.json")).States),
          flatten([for state in values(jsondecode(file("statemachine/${machine}.asl.json")).States) : values(state.ItemProcessor.States) if state.Type == "Map"]),
          ) : state.TimeoutSeconds == 30 + local.functions[{
            PrecheckFunctionArn      = "precheck"
            StartBackupFunctionArn   = "start-backup"
            PollStatusFunctionArn    = "poll-status"
            RecordHistoryFunctionArn = "record-history"
            RestoreFunctionArn       = "restore"
            AuditOrphansFunctionArn  = "audit-orphans"
        }[trim(state.Parameters.FunctionName, "$${}")]].timeout
        if state.Type == "Task" && try(strcontains(state.Parameters.FunctionName, "FunctionArn"), false)
      ]
    ]))
    error_message = "TimeoutSeconds of a Task is its function's timeout and 30 seconds."
  }
  assert {
    condition = { for name, machine in aws_sfn_state_machine.this : name => jsondecode(machine.definition).States.Precheck.Parameters.Payload.machine if startswith(name, "restore") } == {
      restore         = "stage"
      restore-promote = "promote"
    }
    error_message = "One restore machine stages, the other one promotes."
  }
  assert {
    condition     = startswith(aws_sfn_state_machine.this["restore"].logging_configuration[0].log_destination, aws_cloudwatch_log_group.machine["restore"].arn) && startswith(aws_cloudwatch_log_group.machine["restore"].name, "/aws/vendedlogs/states/")
    error_message = "Logged where the resource policy does not grow."
  }
}

# Jobs have their timeouts from functions/start-backup and functions/restore; what they send is held against
# these limits by tests/aws/test_backup.py.
run "no_execution_ends_before_its_jobs" {
  variables {
    window_hours = 53
  }
  assert {
    condition     = jsondecode(aws_sfn_state_machine.this["backup"].definition).TimeoutSeconds >= 3 * 2 * 53 * 3600 + 24 * 3600
    error_message = "With the longest window too."
  }
}

run "a_short_window_ends_no_restore" {
  variables {
    window_hours = 1
  }
  assert {
    condition     = jsondecode(aws_sfn_state_machine.this["restore"].definition).TimeoutSeconds > 25000 / 9 * 300
    error_message = "StarRocks gives a RESTORE a day at least, whatever a backup is meant to take."
  }
}

run "schedules_and_alarms" {
  assert {
    condition = aws_scheduler_schedule.backup["nightly"].target[0].input == join("", [
      "{\"group\":\"nightly\",\"kind\":\"auto\",\"policy\":{\"daily_days\":30,\"full_on\":\"saturday\"},",
      "\"scheduled_at\":\"<aws.scheduler.scheduled-time>\"}",
    ])
    error_message = "The input is what the machine takes, and Scheduler sees its keyword."
  }
  assert {
    condition     = aws_scheduler_schedule.backup["plain"].target[0].input == "{\"group\":\"plain\",\"kind\":\"auto\",\"scheduled_at\":\"<aws.scheduler.scheduled-time>\"}"
    error_message = "Without a policy the program's own holds."
  }
  assert {
    condition     = aws_scheduler_schedule.backup["plain"].schedule_expression_timezone == "UTC" && aws_scheduler_schedule.audit[0].target[0].arn == aws_sfn_state_machine.this["audit"].arn
    error_message = "The day of a backup begins where labels get their date; audits are weekly."
  }
  assert {
    condition     = aws_scheduler_schedule.backup["nightly"].target[0].retry_policy[0].maximum_event_age_in_seconds == 3600 && aws_scheduler_schedule.backup["nightly"].target[0].dead_letter_config[0].arn == aws_sqs_queue.not_started.arn
    error_message = "What is not started within an hour is kept."
  }
  assert {
    condition = join(" ", keys(aws_cloudwatch_metric_alarm.this)) == join(" ", [
      "audit-aborted", "audit-failed", "audit-timedout",
      "backup-aborted", "backup-failed", "backup-timedout", "not-started",
      "restore-aborted", "restore-failed",
      "restore-promote-aborted", "restore-promote-failed", "restore-promote-timedout", "restore-timedout",
      "schedule-invocationdropped", "schedule-targeterror",
    ])
    error_message = "Everything that ends badly, and everything that does not begin."
  }
  assert {
    condition = jsondecode(aws_scheduler_schedule.heartbeat.target[0].input) == {
      operation = "heartbeat"
      groups = [
        { group = "nightly", interval_hours = 24, grace_hours = 6 },
        { group = "plain", interval_hours = 24, grace_hours = 6 },
      ]
    }
    error_message = "The heartbeat knows what is expected of each group."
  }
  assert {
    condition = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.metric), [aws_cloudwatch_metric_alarm.disk]) :
    alarm.namespace == "starrocks-br" && alarm.dimensions == null])
    error_message = "An alarm looks where the functions write: in the instance's namespace, without dimensions."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.metric["overdue"].treat_missing_data == "breaching"
    error_message = "Silence is an alarm."
  }
  assert {
    condition     = aws_sns_topic.alarms[0].kms_master_key_id == null
    error_message = "CloudWatch cannot publish through alias/aws/sns."
  }
}

run "reconcile" {
  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.reconcile.event_pattern) == {
      source      = ["aws.states"]
      detail-type = ["Step Functions Execution Status Change"]
      detail = {
        status          = ["ABORTED", "TIMED_OUT", "FAILED"]
        stateMachineArn = [for machine in ["backup", "restore", "restore-promote"] : aws_sfn_state_machine.this[machine].arn]
      }
    }
    error_message = "Every end that runs no Catch, of this module's machines alone."
  }
  assert {
    condition     = aws_cloudwatch_event_target.reconcile.arn == aws_lambda_function.this["record-history"].qualified_arn && aws_lambda_permission.reconcile.qualifier == aws_lambda_function.this["record-history"].version
    error_message = "A published version, and the permission to call it."
  }
  assert {
    condition     = aws_lambda_permission.reconcile.source_arn == aws_cloudwatch_event_rule.reconcile.arn && aws_lambda_permission.reconcile.principal == "events.amazonaws.com"
    error_message = "Called by this rule and no other."
  }
  assert {
    condition = jsondecode(replace(aws_cloudwatch_event_target.reconcile.input_transformer[0].input_template, "<started_ms>", "1772337600250")) == {
      operation = "reconcile", arn = "<arn>", started_ms = 1772337600250, status = "<status>", cancel_on_abort = false
    }
    error_message = "What events/record-history/reconcile.json shows; a BACKUP goes on unless it was decided otherwise."
  }
  assert {
    condition     = aws_cloudwatch_event_target.reconcile.dead_letter_config[0].arn == aws_sqs_queue.not_started.arn && aws_cloudwatch_event_target.reconcile.retry_policy[0].maximum_event_age_in_seconds == 3600 && aws_lambda_function_event_invoke_config.reconcile.destination_config[0].on_failure[0].destination == aws_sqs_queue.not_started.arn
    error_message = "What could not be delivered or done is kept."
  }
  assert {
    condition     = [for statement in jsondecode(aws_sqs_queue_policy.not_started.policy).Statement : statement.Condition.ArnEquals["aws:SourceArn"]] == [aws_cloudwatch_event_rule.reconcile.arn]
    error_message = "Only the rule may write into the queue from outside."
  }
  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_role_policy.reconcile.policy).Statement : [statement.Action, statement.Resource]]) == ["sqs:SendMessage", aws_sqs_queue.not_started.arn]
    error_message = "And the function, where it failed."
  }
  assert {
    condition     = length(aws_scheduler_schedule.ping) == 0
    error_message = "Outside of a VPC a function loses nothing while it is idle."
  }
}

run "cancelled_on_abort" {
  variables {
    cancel_on_abort = true
  }
  assert {
    condition     = strcontains(aws_cloudwatch_event_target.reconcile.input_transformer[0].input_template, "\"cancel_on_abort\":true}")
    error_message = "Carried to the function."
  }
}

run "dashboard_and_queries" {
  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets) == 12 && aws_cloudwatch_dashboard.this[0].dashboard_name == "starrocks-br"
    error_message = "One dashboard, called as the instance."
  }
  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.region == "cn-north-1" && widget.x + widget.width <= 24])
    error_message = "Of this region, and not wider than a page."
  }
  assert {
    condition     = [for metric in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[2].properties.metrics : metric[3]] == ["nightly", "plain"]
    error_message = "Each group of a schedule is shown."
  }
  assert {
    condition     = join(" ", [for query in aws_cloudwatch_query_definition.this : query.name]) == "starrocks-br/audit starrocks-br/execution starrocks-br/failures starrocks-br/slowest"
    error_message = "Queries are in a folder of the instance."
  }
  assert {
    condition     = alltrue([for query in aws_cloudwatch_query_definition.this : length(query.log_group_names) == 6])
    error_message = "They ask the logs of all functions."
  }
}

run "outputs" {
  assert {
    condition     = output.create_repository == <<-SQL
      CREATE REPOSITORY `backups` WITH BROKER
      ON LOCATION "s3a://starrocks-br-123456789012-cn-north-1/starrocks"
      PROPERTIES (
          "aws.s3.region" = "cn-north-1",
          "aws.s3.endpoint" = "https://s3.cn-north-1.amazonaws.com.cn",
          "aws.s3.use_instance_profile" = "true"
      );
    SQL
    error_message = "The statement as StarRocks takes it."
  }
  assert {
    condition     = strcontains(output.grants, "GRANT EXPORT, SELECT ON ALL TABLES IN DATABASE `sales` TO ROLE br_role;")
    error_message = "Grants for each database."
  }
}

run "without_schedules" {
  command = plan
  variables {
    schedules = {}
  }
  assert {
    condition     = length(local.dashboard_shown) == 9
    error_message = "A chart without a metric is not shown."
  }
}

run "with_things_of_ones_own" {
  variables {
    bucket               = { name = "ours" }
    topic                = { arn = "arn:aws-cn:sns:cn-north-1:123456789012:ours" }
    secret_kms_key       = { arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/1" }
    permissions_boundary = "arn:aws-cn:iam::123456789012:policy/boundary"
    dashboard            = false
    starrocks_role_names = ["starrocks-nodes"]
  }
  assert {
    condition     = keys(aws_iam_role_policy_attachment.repository) == ["starrocks-nodes"]
    error_message = "The nodes get access to the repository."
  }
  assert {
    condition     = length(aws_s3_bucket.this) + length(aws_s3_bucket_lifecycle_configuration.this) + length(aws_s3_bucket_policy.this) + length(aws_sns_topic.alarms) == 0
    error_message = "Nothing is made or changed that is somebody else's."
  }
  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0
    error_message = "A dashboard is made only where it is wanted."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([var.topic.arn])])
    error_message = "Alarms go to the given topic."
  }
  assert {
    condition     = alltrue([for role in concat(values(aws_iam_role.function), values(aws_iam_role.machine), [aws_iam_role.scheduler]) : role.permissions_boundary == var.permissions_boundary])
    error_message = "Every role is bounded."
  }
  assert {
    condition = alltrue([for policy in aws_iam_role_policy.function : [for statement in jsondecode(policy.policy).Statement : statement.Condition.StringEquals["kms:ViaService"] if statement.Sid == "SecretKey"] ==
    ["secretsmanager.cn-north-1.amazonaws.com.cn"]])
    error_message = "The key is used through Secrets Manager only."
  }
  assert {
    condition     = strcontains(output.create_repository, "s3a://ours/starrocks")
    error_message = "The repository is in the given bucket."
  }
}

run "with_a_key_of_ones_own" {
  variables {
    bucket_kms_key = { arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/2" }
  }
  assert {
    condition = one(flatten([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this[0].rule : [
        for by in rule.apply_server_side_encryption_by_default : "${by.sse_algorithm} ${by.kms_master_key_id} ${rule.bucket_key_enabled}"
      ]
    ])) == "aws:kms arn:aws-cn:kms:cn-north-1:123456789012:key/2 true"
    error_message = "The bucket is encrypted with it."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.repository.policy).Statement : statement.Resource if statement.Sid == "Key"] == [var.bucket_kms_key.arn]
    error_message = "And StarRocks may use it."
  }
}
