import type { GoldenText } from './pack/manifest.ts';

/** What is known of a published model before any of it is downloaded. */
export interface KnownModel {
  /** The revision that the other facts are about, and that is taken unless said otherwise. */
  readonly revision: string;
  /** SHA-256 of its files, by their paths. */
  readonly sha256: Readonly<Record<string, string>>;
  /** Texts with the first features of their vectors, as the authors' code computes them. */
  readonly golden: readonly GoldenText[];
}

/** By repository. */
export const KNOWN_MODELS: Readonly<Record<string, KnownModel>> = {
  'Snowflake/snowflake-arctic-embed-m-v2.0': {
    revision: '95c2741480856aa9666782eb4afe11959938017f',
    sha256: {
      'model.safetensors': '3d80d4727ac8759fb8624b690697c053a3d1992120111dc4a71178e608c26604',
      'onnx/model_fp16.onnx': 'f27ab40ab6e230265ba49a202a37f1ad031556256cbbc105d0ca9c0bdc7ec42e',
      'tokenizer.json': 'f1cc44ad7faaeec47241864835473fd5403f2da94673f3f764a77ebcb0a803ec',
    },
    golden: [
      // A blue cat.
      {
        ids: [0, 62, 57571, 7515, 5, 2],
        vector: [
          -0.03221, 0.02572, -0.06349, 0.04253, -0.01265, -0.03681, -0.02079, 0.02909, 0.0246, 0.06486,
          -0.01187, -0.02266, -0.13356, 0.02023, 0.02269, 0.04622, 0.04166, -0.04517, -0.00148, -0.05264,
          0.06393, -0.03411, -0.00683, -0.02486, -0.05183, 0.07841, -0.04615, -0.02886, 0.03771, -0.00183,
          -0.07328, -0.02463, -0.01696, -0.01267, 0.03612, -0.00286, -0.05499, -0.06206, 0.02119, 0.00686,
          -0.02587, -0.03476, -0.02474, -0.0014, 0.00349, 0.03418, -0.0296, 0.01521, -0.03324, -0.0173,
          -0.03076, 0.05536, 0.00143, 0.034, -0.0297, -0.00382, -0.01138, 0.01974, 0.0564, -0.01034, -0.04014,
          -0.01401, -0.04383, -0.00274,
        ],
      },
      // A blue cat
      {
        ids: [0, 62, 57571, 7515, 2],
        vector: [
          -0.04371, 0.02435, -0.07393, 0.04056, -0.01804, -0.0335, -0.02562, 0.03631, 0.03088, 0.05949,
          -0.01773, -0.03089, -0.11997, 0.01111, 0.00713, 0.04861, 0.04095, -0.02602, 0.01549, -0.04482,
          0.0961, -0.03004, -0.00552, -0.00318, -0.04581, 0.06328, -0.04303, -0.02537, 0.03289, -0.02615,
          -0.07257, -0.04753, -0.02724, -0.02538, 0.03237, 0.00915, -0.03505, -0.06045, 0.02994, 0.0078,
          -0.04319, -0.04423, -0.02624, 0.00878, 0.00618, 0.02626, -0.04231, 0.04285, -0.01762, -0.0186,
          -0.04286, 0.05636, 0.00628, 0.02844, -0.00626, 0.01272, -0.02205, 0.00675, 0.05795, -0.0109,
          -0.0518, -0.0093, -0.04614, -0.00037,
        ],
      },
    ],
  },
  'Snowflake/snowflake-arctic-embed-l-v2.0': {
    revision: 'ac6544c8a46e00af67e330e85a9028c66b8cfd9a',
    sha256: {},
    golden: [],
  },
};
