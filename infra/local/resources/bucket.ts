import { CreateBucketCommand, S3ServiceException } from '@aws-sdk/client-s3';
import { type Maker, physicalName } from './world.ts';

/** AWS::S3::Bucket */
export const makeBucket: Maker = async (resource, world) => {
  const name = physicalName(resource, 'BucketName', world, 63).toLowerCase();
  await createBucket(world.clients.s3, name);
  return {
    ref: name,
    attributes: {
      Arn: `arn:aws:s3:::${name}`,
      DomainName: `${name}.s3.amazonaws.com`,
      RegionalDomainName: `${name}.s3.${world.region}.amazonaws.com`,
    },
  };
};

/** Makes a bucket unless it is there already. */
export async function createBucket(
  s3: Pick<import('@aws-sdk/client-s3').S3Client, 'send'>,
  name: string,
): Promise<void> {
  try {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
  } catch (error) {
    if (error instanceof S3ServiceException && error.name === 'BucketAlreadyOwnedByYou') return;
    throw error;
  }
}
