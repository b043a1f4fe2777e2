/** Where the resources of a stack are. */
export interface Place {
  readonly region: string;
  readonly accountId: string;
}
