import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { InvalidConfig } from './config.ts';
import { makeApp } from './synthesize.ts';

// What `cdk` runs. A finding of either rule set, CloudFormation's own or AwsSolutions, fails the synthesis.
try {
  const app = makeApp();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
} catch (error) {
  if (!(error instanceof InvalidConfig)) throw error;
  // The message is complete: no stack trace.
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
