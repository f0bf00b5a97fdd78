// The drawer at the right of the gallery: charts and the map.

import { Drawer } from "./drawer.js";
import { Questions } from "../shared/questions.js";

const PATIENCE = 15000; // ms; the points of a large map take long to come

export default () => {
  let questions = null;
  return {
    initialize({ model }) {
      questions = new Questions(model, PATIENCE);
      return () => questions.close();
    },
    render({ model, el }) {
      const drawer = new Drawer(model, questions, el);
      return () => drawer.close();
    },
  };
};
