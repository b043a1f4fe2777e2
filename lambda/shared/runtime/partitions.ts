/** A partition of AWS that has regions of its own, with its own console. */
export type Partition = 'aws' | 'aws-cn' | 'aws-us-gov';

/** The partition of a region: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html */
export function partitionOf(region: string): Partition {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
