# Saved queries for CloudWatch Logs Insights, in the console under Queries. Their fields are those of the
# lines that the functions write; tests/aws/test_queries.py holds them against real ones.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html

locals {
  queries = {
    # Who is the role of the machine where something is requested, with the execution's input as its object; the
    # caller of StartExecution is in CloudTrail: what the functions are told ends at the execution.
    audit = <<-END
      # Everything that was started, swapped in, taken back, cancelled or deleted, newest first.
      fields @timestamp, audit, outcome, error_name, label, restore, databases, object, who, execution
      | filter ispresent(audit)
      | sort @timestamp desc
      | limit 1000
    END

    failures = <<-END
      # Calls that failed, by the name of the error. Those of a connection were tried again; what ends an
      # execution is raised twice, with an event in between.
      fields @timestamp, error_name, detail
      | filter ispresent(error_name) and not ispresent(audit)
      | stats count_distinct(span.execution) as executions, count(*) as calls, latest(@timestamp) as newest, latest(detail) as newest_detail by error_name, @log
      | sort calls desc
    END

    execution = <<-END
      # What one execution did: put the end of its ARN in the place of EXECUTION.
      fields @timestamp, level, message, audit, outcome, error_name, label, detail, @log
      | filter span.execution like /EXECUTION/ or execution like /EXECUTION/
      | sort @timestamp asc
      | limit 10000
    END

    slowest = <<-END
      # Statements of a second and more, and steps of restores, the slowest first.
      fields @timestamp, milliseconds, coalesce(statement, step.kind) as what, span.execution
      | filter ispresent(milliseconds)
      | stats max(milliseconds) as slowest, avg(milliseconds) as average, count(*) as times by what
      | sort slowest desc
      | limit 100
    END
  }
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queries

  name            = "${var.name_prefix}/${each.key}"
  query_string    = each.value
  log_group_names = [for group in aws_cloudwatch_log_group.function : group.name]
}
