/** Actions that are granted although nothing on the local stack asks for them, each with its reason. */
export const REASONS: Readonly<Record<string, string>> = {
  'logs:CreateLogStream': 'Lambda itself calls it with the role of the function; no log group is run here',
  'logs:PutLogEvents': 'as logs:CreateLogStream',
  'cloudformation:DescribeStacks': 'finds a deployed stack; --local reads the state file',
  's3:DeleteObjectVersion':
    'removes the probes of a preflight from a versioned bucket; the local S3 keeps no versions',
};
