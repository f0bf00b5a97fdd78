// What is asked of the dashboard's scripts beside `tsc --project jsconfig.json`, which follows names over modules.

import js from "@eslint/js";
import globals from "globals";

// anomalymatch_ui/app/scripts.py joins modules into one, and understands these alone.
const IMPORT_BY_NAME = "Write import { … } from \"./part.js\": scripts.py joins modules by that alone.";
const EXPORT_WHERE_DECLARED = "Write export before the declaration: scripts.py joins modules by that alone.";
const JOINED = [
  { selector: "ImportDefaultSpecifier", message: IMPORT_BY_NAME },
  { selector: "ImportNamespaceSpecifier", message: IMPORT_BY_NAME },
  { selector: "ImportExpression", message: IMPORT_BY_NAME },
  { selector: "ExportSpecifier", message: EXPORT_WHERE_DECLARED },
  { selector: "ExportAllDeclaration", message: EXPORT_WHERE_DECLARED },
];

export default [
  { ignores: [".venv/", "build/", "dist/", "docs/_build/"] },
  js.configs.recommended,
  {
    rules: {
      "array-callback-return": "error",
      "consistent-return": "error",
      eqeqeq: "error",
      "no-console": ["error", { allow: ["warn"] }],
      "no-param-reassign": "error",
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  {
    files: ["anomalymatch_ui/**/*.js", "benchmarks/**/*.js"],
    languageOptions: { globals: globals.browser },
  },
  { files: ["anomalymatch_ui/**/*.js"], rules: { "no-restricted-syntax": ["error", ...JOINED] } },
  { files: ["tests/**/*.js", "*.config.js"], languageOptions: { globals: globals.nodeBuiltin } },
];
