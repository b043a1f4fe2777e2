/**
 * Region names of the commercial partition, by AWS's own rule: the `regionRegex` of the partition `aws` in the
 * `partitions.json` that every SDK carries. It needs no release for a new region of a known area. The other partitions
 * have namespaces of their own, in which anybody may own a bucket of any name, and this rule keeps them out: theirs have
 * one word more (`us-gov-west-1`, `us-iso-east-1`), another area (`cn-north-1`, `eusc-de-east-1`) or another domain.
 */
const REGION = '(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-[0-9]{1,2}';

/**
 * Endpoints that serve both styles of address: the global one, `s3-external-1` (us-east-1 under its old name), regional
 * ones with a dot or the old hyphen, dual-stack and FIPS. A website endpoint takes no signed URL, access points and
 * VPC endpoints name no bucket: they are no form of a bucket's address.
 */
const ENDPOINT = `s3(?:-external-1|[.-]${REGION}|\\.dualstack\\.${REGION}|-fips(?:\\.dualstack)?\\.${REGION})?`;
/** Transfer acceleration exists with the bucket in the host only. */
const ACCELERATED = 's3-accelerate(?:\\.dualstack)?';

// Anchored at both ends and as long as possible before the endpoint: `x.s3.s3.amazonaws.com` is the bucket `x.s3`.
const VIRTUAL_HOST = new RegExp(`^(.+)\\.(?:${ENDPOINT}|${ACCELERATED})\\.amazonaws\\.com\\.?$`);
const PATH_STYLE = new RegExp(`^${ENDPOINT}\\.amazonaws\\.com\\.?$`);

/** What a host of S3 says of the bucket. */
export interface S3Host {
  /** Null where the bucket is the first segment of the path. */
  readonly bucket: string | null;
}

/**
 * Reads the name of a host as an endpoint of S3 in AWS's commercial partition, where a bucket name has one owner.
 *
 * @param hostname in lower case, without port; a final dot may be there.
 * @returns null for any other host.
 */
export function s3HostOf(hostname: string): S3Host | null {
  if (PATH_STYLE.test(hostname)) return { bucket: null };
  const bucket = VIRTUAL_HOST.exec(hostname)?.[1];
  return bucket === undefined ? null : { bucket };
}
