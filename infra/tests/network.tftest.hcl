# Functions and nodes in a VPC, with and without another way out.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  secret_arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:starrocks-br-AbCdEf"
  repository = "backups"
  databases  = ["sales"]
}

run "in_a_vpc" {
  variables {
    vpc = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }
  assert {
    condition = alltrue([for policy in aws_iam_role_policy.function : jsonencode([
      for statement in jsondecode(policy.policy).Statement : "${statement.Effect} ${statement.Sid}" if statement.Resource == "*"
    ]) == jsonencode(["Allow NetworkInterfaces", "Deny NotForTheCode"])])
    error_message = "Network interfaces are for the Lambda service, not for the code."
  }
  assert {
    condition     = alltrue([for f in aws_lambda_function.this : f.vpc_config[0].subnet_ids == toset(["subnet-1"])])
    error_message = "Every function is in the VPC."
  }
  assert {
    condition     = length(aws_vpc_endpoint.secretsmanager) + length(aws_vpc_endpoint.s3) + length(aws_security_group.secretsmanager) == 0
    error_message = "Nothing is made in the VPC that was not asked for."
  }
  assert {
    condition = join(" ", keys(aws_scheduler_schedule.ping)) == join(" ", keys(aws_lambda_function.this)) && alltrue([
      for name, schedule in aws_scheduler_schedule.ping : schedule.target[0].input == "{\"ping\":true}" && schedule.target[0].arn == aws_lambda_function.this[name].qualified_arn
    ])
    error_message = "Each pinned version is called every week."
  }
  assert {
    condition     = length([for statement in jsondecode(aws_iam_role_policy.scheduler.policy).Statement : statement if statement.Sid == "Heartbeat"][0].Resource) == 6
    error_message = "And may be."
  }
}

run "in_a_vpc_without_a_way_out" {
  variables {
    vpc           = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    vpc_endpoints = { vpc_id = "vpc-1", secretsmanager = true, s3_route_table_ids = ["rtb-1", "rtb-2"] }
  }
  override_data {
    target = data.aws_vpc_endpoint_service.this["secretsmanager"]
    values = { service_name = "com.amazonaws.cn-north-1.secretsmanager" }
  }
  override_data {
    target = data.aws_vpc_endpoint_service.this["s3"]
    values = { service_name = "com.amazonaws.cn-north-1.s3" }
  }
  assert {
    condition = (
      aws_vpc_endpoint.secretsmanager[0].service_name == "com.amazonaws.cn-north-1.secretsmanager" &&
      aws_vpc_endpoint.secretsmanager[0].vpc_endpoint_type == "Interface" &&
      aws_vpc_endpoint.secretsmanager[0].private_dns_enabled &&
      aws_vpc_endpoint.secretsmanager[0].subnet_ids == toset(["subnet-1"]) &&
      aws_vpc_endpoint.secretsmanager[0].security_group_ids == toset(["sg-endpoint"])
    )
    error_message = "The functions reach Secrets Manager where they are, under its usual name."
  }
  assert {
    condition = [for statement in jsondecode(aws_vpc_endpoint.secretsmanager[0].policy).Statement : statement.Condition.StringEquals] == [
      { "aws:PrincipalAccount" = "123456789012", "aws:ResourceAccount" = "123456789012" }
    ]
    error_message = "Nobody in the VPC reaches another account's secrets through it."
  }
  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.secretsmanager[0].cidr_ipv4 == "10.1.0.0/16" &&
      aws_vpc_security_group_ingress_rule.secretsmanager[0].from_port == 443 &&
      aws_vpc_security_group_ingress_rule.secretsmanager[0].to_port == 443
    )
    error_message = "TLS, from within the VPC."
  }
  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3[0].route_table_ids == toset(["rtb-1", "rtb-2"])
    error_message = "The nodes reach S3 by their route tables."
  }
}

run "a_way_to_s3_only" {
  variables {
    vpc_endpoints = { vpc_id = "vpc-1", s3_route_table_ids = ["rtb-1"] }
  }
  assert {
    condition     = length(aws_vpc_endpoint.s3) == 1 && length(aws_vpc_endpoint.secretsmanager) + length(aws_security_group.secretsmanager) == 0
    error_message = "Each of the two can be had by itself."
  }
}
