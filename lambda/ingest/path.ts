/** The path that Zencoder posts to. */
export const NOTIFICATION_PATH = '/notifications';

/** Where a request went; an API Gateway event (payload version 2) says so. */
export interface RoutedRequest {
  /** Without the query. */
  readonly rawPath: string;
  readonly requestContext: { readonly http: { readonly method: string } };
}

/** Whether a request is for ingest: posted to its path, with or without a final slash. */
export function isForIngest({ rawPath, requestContext }: RoutedRequest): boolean {
  return (
    requestContext.http.method === 'POST' &&
    (rawPath === NOTIFICATION_PATH || rawPath === `${NOTIFICATION_PATH}/`)
  );
}
