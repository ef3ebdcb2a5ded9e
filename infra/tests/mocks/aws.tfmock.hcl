# What the provider that only pretends says where the module reads it.

mock_data "aws_partition" {
  defaults = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
}
mock_data "aws_region" {
  defaults = { name = "cn-north-1" }
}
mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}
mock_data "aws_vpc" {
  defaults = { cidr_block = "10.1.0.0/16" }
}
mock_resource "aws_security_group" {
  defaults = { id = "sg-endpoint" }
}
mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws-cn:iam::123456789012:role/mock" }
}
mock_resource "aws_iam_policy" {
  defaults = { arn = "arn:aws-cn:iam::123456789012:policy/mock" }
}
mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:mock" }
}
mock_resource "aws_lambda_function" {
  defaults = {
    arn           = "arn:aws-cn:lambda:cn-north-1:123456789012:function:mock"
    qualified_arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:mock:7"
  }
}
mock_resource "aws_sfn_state_machine" {
  defaults = { arn = "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:mock" }
}
mock_resource "aws_scheduler_schedule_group" {
  defaults = { arn = "arn:aws-cn:scheduler:cn-north-1:123456789012:schedule-group/starrocks-br" }
}
mock_resource "aws_sqs_queue" {
  defaults = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:mock" }
}
mock_resource "aws_cloudwatch_event_rule" {
  defaults = { arn = "arn:aws-cn:events:cn-north-1:123456789012:rule/starrocks-br-reconcile" }
}
mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws-cn:sns:cn-north-1:123456789012:mock" }
}
