import webpack from "webpack";

const [, , mode] = process.argv;
const compiler = webpack({ mode, context: import.meta.dirname, entry: "../main.js", output: { path: `${import.meta.dirname}/dist` } });
compiler.run((error, stats) => {
  if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString());
});
