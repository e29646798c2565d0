// Distances on the ground, for lists and tracks.
"use strict";

const FieldPlaces = {
  // Metres between two [longitude, latitude] on a sphere of the earth's mean radius: within 0.5 % of the ellipsoid.
  metres([lon1, lat1], [lon2, lat2]) {
    const rad = Math.PI / 180;
    const a = Math.sin(((lat2 - lat1) * rad) / 2) ** 2 + Math.cos(lat1 * rad) * Math.cos(lat2 * rad) * Math.sin(((lon2 - lon1) * rad) / 2) ** 2;
    return 2 * 6_371_008.8 * Math.asin(Math.sqrt(a));
  },
};
