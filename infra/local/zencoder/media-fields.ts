/** Media fields as notifications and API responses state them. */
export type MediaFields = Readonly<Record<string, string | number | null>>;

const NAMES = [
  'audio_bitrate_in_kbps',
  'audio_codec',
  'audio_sample_rate',
  'channels',
  'duration_in_ms',
  'format',
  'fragment_duration_in_ms',
  'frame_rate',
  'height',
  'rfc_6381_audio_codec',
  'rfc_6381_video_codec',
  'total_bitrate_in_kbps',
  'video_bitrate_in_kbps',
  'video_codec',
  'width',
];

/** Those of `test/fixtures/media/clip.mp4`. `channels` is text, as in every recorded payload. */
const STANDARD: MediaFields = {
  audio_bitrate_in_kbps: 48,
  audio_codec: 'aac',
  audio_sample_rate: 44100,
  channels: '2',
  duration_in_ms: 4000,
  format: 'mpeg4',
  frame_rate: 24,
  height: 270,
  rfc_6381_audio_codec: 'mp4a.40.2',
  rfc_6381_video_codec: 'avc1.4d4015',
  total_bitrate_in_kbps: 224,
  video_bitrate_in_kbps: 167,
  video_codec: 'h264',
  width: 480,
};

/** Those of `test/fixtures/media/hls.zip`. */
const SEGMENTED: MediaFields = {
  ...STANDARD,
  audio_bitrate_in_kbps: 32,
  channels: '1',
  duration_in_ms: 3000,
  format: 'mpeg-ts',
  fragment_duration_in_ms: 1000,
  height: 180,
  width: 320,
};

/** The media fields of an output of this type; playlists and captions have nulls, as Zencoder's have. */
export function mediaFieldsOf(type: string, overrides: MediaFields = {}): MediaFields {
  const known: MediaFields = type === 'standard' ? STANDARD : type === 'segmented' ? SEGMENTED : {};
  return {
    ...Object.fromEntries(NAMES.map((name) => [name, known[name] ?? null])),
    ...overrides,
  };
}

/** What every stand-in job was made from: a source that never existed. Inputs have fewer fields than outputs. */
export const INPUT_FIELDS: MediaFields = {
  audio_bitrate_in_kbps: 192,
  audio_codec: 'aac',
  audio_sample_rate: 48000,
  channels: '2',
  duration_in_ms: 61440,
  format: 'mpeg4',
  frame_rate: 25,
  height: 1080,
  total_bitrate_in_kbps: 6277,
  video_bitrate_in_kbps: 6085,
  video_codec: 'h264',
  width: 1920,
};
export const INPUT_BYTES = 48_211_937;
