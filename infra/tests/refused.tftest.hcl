# What is refused before anything is made, and what looks like it and is not.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  secret_arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:starrocks-br-AbCdEf"
  repository = "backups"
  databases  = ["sales"]
}

run "a_secret_value" {
  command = plan
  variables {
    secret_arn = "{\"password\": \"x\"}"
  }
  expect_failures = [var.secret_arn]
}

run "an_endpoint_without_subnets" {
  command = plan
  variables {
    vpc_endpoints = { vpc_id = "vpc-1", secretsmanager = true }
  }
  expect_failures = [var.vpc_endpoints]
}

run "a_password_in_the_environment" {
  command = plan
  variables {
    environment = { STARROCKS_PASSWORD = "x" }
  }
  expect_failures = [var.environment]
}

run "an_hour_that_may_not_exist" {
  command = plan
  variables {
    schedules = { nightly = { group = "g", kind = "full", expression = "cron(30 2 * * ? *)", timezone = "Europe/Berlin" } }
  }
  expect_failures = [var.schedules]
}

run "every_hour_is_such_an_hour_too" {
  command = plan
  variables {
    schedules = { nightly = { group = "g", kind = "full", expression = "cron(30 */6 * * ? *)", timezone = "Europe/Berlin" } }
  }
  expect_failures = [var.schedules]
}

run "that_hour_in_utc" {
  command = plan
  variables {
    schedules = { nightly = { group = "g", kind = "full", expression = "cron(30 2 * * ? *)" } }
  }
}

run "that_hour_if_one_insists" {
  command = plan
  variables {
    allow_dst_gap = true
    schedules     = { nightly = { group = "g", kind = "full", expression = "cron(30 2 * * ? *)", timezone = "Europe/Berlin" } }
  }
}

run "the_zone_of_labels_counts_too" {
  command = plan
  variables {
    time_zone = "Europe/Berlin"
    schedules = { nightly = { group = "g", expression = "cron(30 2 * * ? *)" } }
  }
  expect_failures = [var.schedules]
}

run "a_policy_that_decides_nothing" {
  command = plan
  variables {
    schedules = { nightly = { group = "g", kind = "full", expression = "rate(1 day)", policy = { full_on = "sunday" } } }
  }
  expect_failures = [var.schedules]
}

run "an_unknown_kind" {
  command = plan
  variables {
    schedules = { nightly = { group = "g", kind = "differential", expression = "rate(1 day)" } }
  }
  expect_failures = [var.schedules]
}

run "a_class_that_restore_cannot_read" {
  command = plan
  variables {
    bucket_transition = { storage_class = "DEEP_ARCHIVE", days = 30 }
  }
  expect_failures = [var.bucket_transition]
}
