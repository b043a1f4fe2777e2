import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { makeApp } from './synthesize.ts';

// What `cdk` runs. A finding of either rule set, CloudFormation's own or AwsSolutions, fails the synthesis.
const app = makeApp();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();
