/**
 * Whether a text is as a pattern of IAM: `*` stands for any characters, none too, and `?` for exactly one. A `*` crosses
 * the colons and slashes of an ARN, as it does at the end of a segment
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html).
 *
 * The time is bounded by the product of both lengths.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let p = 0;
  let star = -1;
  let resumeAt = 0;
  for (let t = 0; t < text.length; ) {
    const wanted = pattern[p];
    if (wanted === '*') {
      star = p++;
      resumeAt = t;
    } else if (wanted === '?' || (wanted !== undefined && wanted === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      // The last star takes one character more.
      p = star + 1;
      t = ++resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/**
 * As {@link matchesWildcard}, with each of the six parts of an ARN compared on its own
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN).
 */
export function matchesArn(pattern: string, arn: string): boolean {
  const wanted = arnParts(pattern);
  const found = arnParts(arn);
  return wanted.length === found.length && wanted.every((part, i) => matchesWildcard(part, found[i] ?? ''));
}

function arnParts(arn: string): string[] {
  const [prefix = '', partition = '', service = '', region = '', account = '', ...resource] = arn.split(':');
  return [prefix, partition, service, region, account, resource.join(':')];
}
