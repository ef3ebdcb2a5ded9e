// starrocks-br as one CDK stack: the six functions, their state machines and a schedule, out of the same
// files that the Terraform module takes. No alarms, no heartbeat, no reconciling of stopped executions, no
// audit schedule, no dashboard: README.md beside it says what the module has and this has not.
import { App, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import * as scheduler from "aws-cdk-lib/aws-scheduler";
import * as targets from "aws-cdk-lib/aws-scheduler-targets";
import * as sqs from "aws-cdk-lib/aws-sqs";
import * as sfn from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import * as fs from "node:fs";
import * as path from "node:path";

const INFRA = path.resolve(__dirname, "../../..");

// As in infra/functions.tf: TimeoutSeconds of a Task is its function's timeout and 30 seconds.
const FUNCTIONS = {
  precheck: { memory: 256, timeout: 300 },
  "start-backup": { memory: 1024, timeout: 900 },
  "poll-status": { memory: 256, timeout: 300 },
  "record-history": { memory: 256, timeout: 900 },
  restore: { memory: 1024, timeout: 900 },
  "audit-orphans": { memory: 1024, timeout: 900 },
} as const;
type FunctionName = keyof typeof FUNCTIONS;

// As in infra/state_machines.tf: two machines of one file, so that few may swap.
interface Machine {
  file: string;
  /** Those that it may call. */
  functions: FunctionName[];
  limitHours: number;
  values?: Record<string, string>;
}

function machines(windowHours: number): Record<string, Machine> {
  // Beyond what StarRocks gives the jobs that are followed.
  const restore = { file: "restore", limitHours: 10 * 24 };
  return {
    backup: {
      file: "backup",
      functions: ["precheck", "start-backup", "poll-status", "record-history"],
      limitHours: 3 * 2 * windowHours + 24,
    },
    restore: {
      ...restore,
      functions: ["precheck", "restore", "poll-status", "record-history"],
      values: { RestoreMachine: "stage" },
    },
    "restore-promote": {
      ...restore,
      // It builds nothing, so there is no job to look at.
      functions: ["precheck", "restore", "record-history"],
      values: { RestoreMachine: "promote" },
    },
    audit: { file: "audit", functions: ["audit-orphans"], limitHours: 2 },
  };
}

export interface StarRocksBackupProps extends StackProps {
  /** The secret that holds host, port, username and password. Only its ARN. */
  secretArn: string;
  /** StarRocks repository that snapshots go to. */
  repository: string;
  /** The group that is backed up every day at 04:15 UTC. */
  group: string;
  /** Where infra/package put the zips, and what it built for. */
  packages: string;
  architecture: lambda.Architecture;
  /** How long a backup is meant to take; StarRocks ends it after twice that. */
  windowHours: number;
}

export class StarRocksBackup extends Stack {
  constructor(scope: Construct, id: string, props: StarRocksBackupProps) {
    super(scope, id, props);

    const functions = {} as Record<FunctionName, lambda.Function>;
    for (const [name, size] of Object.entries(FUNCTIONS) as [FunctionName, { memory: number; timeout: number }][]) {
      functions[name] = this.function(name, size, props);
    }

    const deployed: Record<string, sfn.StateMachine> = {};
    for (const [name, machine] of Object.entries(machines(props.windowHours))) {
      deployed[name] = this.machine(name, machine, functions);
    }

    const notStarted = new sqs.Queue(this, "not-started", {
      retentionPeriod: Duration.days(14),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
    });
    // One schedule a day: kind auto decides what is due. The time makes a second delivery known as one.
    new scheduler.Schedule(this, "nightly", {
      description: `auto backup of group ${props.group}`,
      schedule: scheduler.ScheduleExpression.expression("cron(15 4 * * ? *)"),
      target: new targets.StepFunctionsStartExecution(deployed["backup"]!, {
        input: scheduler.ScheduleTargetInput.fromObject({
          group: props.group,
          kind: "auto",
          scheduled_at: scheduler.ContextAttribute.scheduledTime,
        }),
        deadLetterQueue: notStarted,
        maxEventAge: Duration.hours(1),
        retryAttempts: 10,
      }),
    });
  }

  private function(name: FunctionName, size: { memory: number; timeout: number }, props: StarRocksBackupProps) {
    const made = new lambda.Function(this, name, {
      description: `starrocks-br: ${name}`,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      handler: "bootstrap",
      architecture: props.architecture,
      code: lambda.Code.fromAsset(path.join(props.packages, `${name}.zip`)),
      memorySize: size.memory,
      timeout: Duration.seconds(size.timeout),
      logGroup: new logs.LogGroup(this, `${name}-log`, { retention: logs.RetentionDays.ONE_MONTH }),
      environment: {
        STARROCKS_SECRET_ARN: props.secretArn,
        STARROCKS_REPOSITORY: props.repository,
        STARROCKS_BR_WINDOW_HOURS: String(props.windowHours),
      },
      // An execution that is on its way ends on the version that it began with.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
    });
    made.addToRolePolicy(
      new iam.PolicyStatement({ actions: ["secretsmanager:GetSecretValue"], resources: [props.secretArn] }),
    );
    return made;
  }

  private machine(name: string, machine: Machine, functions: Record<FunctionName, lambda.Function>) {
    const file = path.join(INFRA, "statemachine", `${machine.file}.asl.json`);
    const text = fs.readFileSync(file, "utf8");
    const definition = { ...JSON.parse(text), TimeoutSeconds: machine.limitHours * 3600 };

    // CloudFormation puts them in where the file has ${...}.
    const substitutions: Record<string, string> = { Partition: this.partition, ...machine.values };
    for (const [name, called] of Object.entries(functions) as [FunctionName, lambda.Function][]) {
      if (text.includes("${" + placeholder(name) + "}")) {
        substitutions[placeholder(name)] = called.currentVersion.functionArn;
      }
    }

    const made = new sfn.StateMachine(this, `machine-${name}`, {
      stateMachineType: sfn.StateMachineType.STANDARD,
      definitionBody: sfn.DefinitionBody.fromString(JSON.stringify(definition)),
      definitionSubstitutions: substitutions,
    });
    made.addToRolePolicy(
      new iam.PolicyStatement({
        actions: ["lambda:InvokeFunction"],
        // Every version of these functions, and nothing else.
        resources: machine.functions.map((used) => `${functions[used].functionArn}:*`),
      }),
    );
    if (text.includes(":events:putEvents")) {
      made.addToRolePolicy(
        new iam.PolicyStatement({
          actions: ["events:PutEvents"],
          resources: [this.formatArn({ service: "events", resource: "event-bus", resourceName: "default" })],
        }),
      );
    }
    return made;
  }
}

/** start-backup is ${StartBackupFunctionArn} in the files. */
function placeholder(name: FunctionName): string {
  const words = name.split("-").map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join("")}FunctionArn`;
}

const app = new App();

function setting(name: string, otherwise?: string): string {
  const value: unknown = app.node.tryGetContext(name) ?? otherwise;
  if (typeof value !== "string" || value === "") {
    throw new Error(`missing ${name}: cdk deploy -c ${name}=...`);
  }
  return value;
}

new StarRocksBackup(app, "starrocks-br", {
  secretArn: setting("secret_arn"),
  repository: setting("repository", "backups"),
  group: setting("group", "nightly"),
  packages: setting("packages", path.join(INFRA, "../target/packages")),
  architecture:
    setting("architecture", "arm64") === "arm64" ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64,
  windowHours: Number(setting("window_hours", "24")),
});
