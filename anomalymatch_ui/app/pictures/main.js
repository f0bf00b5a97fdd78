// The drawer at the right of the gallery: charts and the map.

import { Drawer } from "./drawer.js";
import { Questions } from "./questions.js";

export default () => {
  let questions = null;
  return {
    initialize({ model }) {
      questions = new Questions(model);
      return () => questions.close();
    },
    render({ model, el }) {
      const drawer = new Drawer(model, questions, el);
      return () => drawer.close();
    },
  };
};
