/** The 21 keypoints of `motion/keypoints.py` as people know them. Left is the picture's left. */

/** @typedef {Record<string, [number, number]>} Points places in pixels of the picture, by name */

export const GROUPS = [
  {
    name: "mouth",
    label: "Mouth",
    points: {
      MOUTH_LEFT: ["Left corner of the mouth", "where the lips meet"],
      MOUTH_RIGHT: ["Right corner of the mouth", "where the lips meet"],
      UPPER_OUTER: ["Upper lip, outer edge", "the dip in the middle"],
      LOWER_OUTER: ["Lower lip, outer edge", "in the middle"],
      UPPER_LEFT: ["Line of the lips, left", "halfway to the corner"],
      UPPER_RIGHT: ["Line of the lips, right", "halfway to the corner"],
      UPPER_INNER: ["Upper lip, inner edge", "in the middle, where the lips meet"],
      LOWER_INNER: ["Lower lip, inner edge", "on the upper one if the mouth is closed"],
    },
  },
  {
    name: "eyes",
    label: "Eyes",
    points: {
      LID_LEFT: ["Left upper lid", "the middle of its edge"],
      LID_RIGHT: ["Right upper lid", "the middle of its edge"],
      GAZE: ["Between the eyes", "level with the irises"],
    },
  },
  {
    name: "brows",
    label: "Brows",
    points: {
      BROW_OUTER_LEFT: ["Left brow, outer end", ""],
      BROW_INNER_LEFT: ["Left brow, inner end", ""],
      BROW_INNER_RIGHT: ["Right brow, inner end", ""],
      BROW_OUTER_RIGHT: ["Right brow, outer end", ""],
    },
  },
  {
    name: "face",
    label: "Face",
    points: {
      FOREHEAD: ["Forehead", "its middle"],
      NOSE: ["Nose", "its tip"],
      CHEEK_LEFT: ["Left cheek", "below the eye, level with the nose"],
      CHEEK_RIGHT: ["Right cheek", "below the eye, level with the nose"],
      JAW: ["Chin", "its middle, not its edge"],
    },
  },
];

/** Pairs that swap when a face is mirrored. */
const MIRRORED = [
  ["MOUTH_LEFT", "MOUTH_RIGHT"],
  ["UPPER_LEFT", "UPPER_RIGHT"],
  ["BROW_INNER_LEFT", "BROW_INNER_RIGHT"],
  ["BROW_OUTER_LEFT", "BROW_OUTER_RIGHT"],
  ["LID_LEFT", "LID_RIGHT"],
  ["CHEEK_LEFT", "CHEEK_RIGHT"],
];
const PARTNER = new Map(MIRRORED.flatMap(([a, b]) => [[a, b], [b, a]]));

/** Lines that show what the points stand for: which group, and through which points. */
export const GUIDES = [
  ["mouth", ["MOUTH_LEFT", "UPPER_OUTER", "MOUTH_RIGHT"]],
  ["mouth", ["MOUTH_LEFT", "UPPER_LEFT", "UPPER_INNER", "UPPER_RIGHT", "MOUTH_RIGHT"]],
  ["mouth", ["MOUTH_LEFT", "LOWER_INNER", "MOUTH_RIGHT"]],
  ["mouth", ["MOUTH_LEFT", "LOWER_OUTER", "MOUTH_RIGHT"]],
  ["brows", ["BROW_OUTER_LEFT", "BROW_INNER_LEFT"]],
  ["brows", ["BROW_INNER_RIGHT", "BROW_OUTER_RIGHT"]],
  ["face", ["FOREHEAD", "NOSE", "JAW"]],
];

/** Radius of an iris in distances of the eyes. */
const IRIS = 0.14;

/** The direction from the left to the right eye, and their distance. @param {Points} points */
function across(points) {
  const [ax, ay] = points.LID_LEFT;
  const [bx, by] = points.LID_RIGHT;
  const distance = Math.hypot(bx - ax, by - ay) || 1;
  return { x: (bx - ax) / distance, y: (by - ay) / distance, distance };
}

/**
 * Where the irises are taken to be: below the lids, level with the gaze.
 * @param {Points} points
 * @returns {{x: number, y: number, radius: number}[]}
 */
export function irises(points) {
  const axis = across(points);
  return ["LID_LEFT", "LID_RIGHT"].map((lid) => {
    const [x, y] = points[lid];
    const down = (points.GAZE[0] - x) * -axis.y + (points.GAZE[1] - y) * axis.x;
    return { x: x - down * axis.y, y: y + down * axis.x, radius: IRIS * axis.distance };
  });
}

/**
 * `points` with one moved by (dx, dy); its partner moves likewise on the other side of the face.
 * @param {Points} points
 * @param {string} name
 * @param {number} dx
 * @param {number} dy
 * @param {{symmetric: boolean, width: number, height: number}} options within which picture
 * @returns {Points}
 */
export function moved(points, name, dx, dy, { symmetric, width, height }) {
  const shifted = (key, x, y) => [
    Math.min(Math.max(points[key][0] + x, 0), width),
    Math.min(Math.max(points[key][1] + y, 0), height),
  ];
  const result = { ...points, [name]: shifted(name, dx, dy) };
  // The tongue lies behind the lips and is not for anybody to place.
  if (name === "LOWER_INNER") result.TONGUE = shifted("TONGUE", dx, dy);
  const partner = PARTNER.get(name);
  if (symmetric && partner) {
    const axis = across(points);
    const along = dx * axis.x + dy * axis.y;
    result[partner] = shifted(partner, dx - 2 * along * axis.x, dy - 2 * along * axis.y);
  }
  return result;
}
