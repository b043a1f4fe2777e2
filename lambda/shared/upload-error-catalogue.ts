/** What is known of one class of upload error; from Zencoder's published error pages and its S3 guide. */
export interface UploadErrorKind {
  readonly errorClass: string;
  /** What went wrong, in plain words. */
  readonly meaning: string;
  /** What the customer can do about it. */
  readonly fix: string;
  /**
   * `certain`: only an upload ends so. `likely`: downloads of the input can end so too, so that it counts as an upload
   * error only where nothing says that the input failed.
   */
  readonly certainty: 'certain' | 'likely';
  /** Zencoder's advice on running the *job* again; a backup file is recovered either way. */
  readonly retryJob: 'may help' | 'only after a fix';
}

/** The class recorded when neither link nor message names one. */
export const UNKNOWN_UPLOAD_ERROR = 'UnknownUploadError';

const S3_PERMISSIONS =
  'On S3, let account 395540211253 do s3:PutObject, s3:PutObjectAcl and s3:ListMultipartUploadParts on the objects and ' +
  's3:GetBucketLocation on the bucket. A bucket with Block Public ACLs, or with ACLs disabled, refuses public outputs.';
const CREDENTIALS = 'Correct the credentials that the job or the Zencoder account uses for this destination.';

/** The known classes. The set is open: Zencoder sends classes that its own index does not list. */
export const UPLOAD_ERRORS: readonly UploadErrorKind[] = [
  {
    errorClass: 'UploadAccessDeniedError',
    meaning: 'The destination refused the upload (403).',
    fix: `Give Zencoder permission to write there. ${S3_PERMISSIONS}`,
    certainty: 'certain',
    retryJob: 'may help',
  },
  {
    errorClass: 'UploadServerNotFoundError',
    meaning: 'No server answered at the destination.',
    fix: 'Check that the server is running and that its firewall lets Zencoder in from any address.',
    certainty: 'certain',
    retryJob: 'may help',
  },
  {
    errorClass: 'UploadTimeoutError',
    meaning: 'The destination was too slow; Zencoder tried three times.',
    fix: 'Find out why the destination answers slowly, or choose one that is faster or nearer.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'UploadFailureError',
    meaning: 'The upload failed with the response code that the message names.',
    fix: 'Look up the response code at the destination; on S3, check the region form of the URL and the key.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'UnexpectedUploadProblemError',
    meaning: 'The upload failed, and Zencoder could not say why.',
    fix: 'Check that the destination works; ask Brightcove support if it does.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'UnableToResolveHostError',
    meaning: 'The host name of the destination could not be resolved.',
    fix: 'Check the spelling of the host in the output URL and its public DNS record.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'AkamaiNetStorageFileSizeError',
    meaning: 'Akamai NetStorage closed the connection, often because of its file size limit.',
    fix: 'Raise the file size limit of the NetStorage account, or make smaller outputs.',
    certainty: 'certain',
    retryJob: 'may help',
  },
  {
    errorClass: 'Transfer::InvalidGranteeGroupURLError',
    meaning: 'The group that the output should grant access to does not exist on S3.',
    fix: 'Correct the grantee in the access_control setting of the output.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'Transfer::InvalidGranteeIDError',
    meaning: 'The account that the output should grant access to does not exist on S3.',
    fix: 'Correct the grantee in the access_control setting of the output.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'S3BucketNotFoundError',
    meaning: 'There is no bucket of that name.',
    fix: 'Correct the bucket name in the output URL, or create the bucket.',
    certainty: 'likely',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'InvalidAccessKeyIdError',
    meaning: 'S3 does not know the access key.',
    fix: CREDENTIALS,
    certainty: 'likely',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'InvalidUsernameOrPasswordError',
    meaning: 'The destination refused the user name or the password.',
    fix: CREDENTIALS,
    certainty: 'likely',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'InvalidFilePathError',
    meaning: 'The destination does not accept the path.',
    fix: 'Check that the folder exists and that the path is written as the destination expects it.',
    certainty: 'likely',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'RemoteServerProblemError',
    meaning: 'The destination answered with a fault of its own.',
    fix: 'Look into the logs of the destination at the time of the upload.',
    certainty: 'likely',
    retryJob: 'only after a fix',
  },
];
