import type { Role } from '../../shared/model.ts';

/** *Retry now*, for all of an output or for one file of it. */
export function RetryForm(props: {
  /** Path of the output's record. */
  readonly path: string;
  readonly token: string;
  /** What is tried again, for those who do not see where the button is. */
  readonly of: string;
  readonly file?: { readonly role: Role; readonly fileId: string };
}) {
  const { path, token, file } = props;
  return (
    <form class="actions" method="post" action={`${path}/retry`}>
      <input type="hidden" name="token" value={token} />
      {file !== undefined && (
        <>
          <input type="hidden" name="role" value={file.role} />
          <input type="hidden" name="fileId" value={file.fileId} />
        </>
      )}
      <button class="primary" type="submit">
        Retry now<span class="vh">: {props.of}</span>
      </button>
    </form>
  );
}
