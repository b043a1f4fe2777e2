/**
 * Mutation testing of the modules that decide, read or write text and touch nothing, by their unit tests. Some of them:
 * `npm run mutants -- --mutate lambda/worker/retry.ts,lambda/worker/pace.ts` (no braces: Stryker splits at each comma).
 */
export default {
  mutate: [
    'lambda/ingest/{answer,authenticate,body}.ts',
    'lambda/reconcile/{stalled,walk}.ts',
    'lambda/shared/{backup-file,decide,file-url,json,message,notification,notified-thumbnails}.ts',
    'lambda/shared/{output-messages,redact,redact-urls,storage-hosts,text,upload-error}.ts',
    'lambda/shared/ledger/{items,keys,page,records}.ts',
    'lambda/worker/{key-template,pace,retry,verdict}.ts',
    'lambda/worker/copy/{announcement,content-type,crc32,errors,header-value,metadata,plan}.ts',
    'lambda/worker/copy/{source-answer,stored-headers}.ts',
  ],
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutants/vitest.config.ts' },
  // There is none of this name: Stryker rewrites the references of a tsconfig by an API of the compiler that TypeScript 7
  // has no more. Ours has no references.
  tsconfigFile: 'none.json',
  // A constant of a module belongs to every test: a run for each of them takes longer than all other mutants together.
  ignoreStatic: true,
  concurrency: 2,
  tempDirName: '.local/mutants',
  ignorePatterns: ['.local', 'cdk.out', 'coverage'],
  reporters: ['clear-text', 'html', 'progress-append-only'],
  clearTextReporter: { allowColor: false, reportTests: false },
  htmlReporter: { fileName: '.local/mutants.html' },
};
