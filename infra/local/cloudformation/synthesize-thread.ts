import { workerData } from 'node:worker_threads';
import { type SynthesizeOptions, synthesize } from '../../synthesize.ts';

const options: SynthesizeOptions = workerData;
synthesize(options);
