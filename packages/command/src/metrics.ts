/**
 * Metrics as Prometheus reads them: families of numbers that are read when somebody asks, and the page they make.
 *
 * @module
 */
export { type Buckets, by, type Family, type Labels, one, type Sample } from "./prometheus/family.ts";
export { Histogram } from "./prometheus/histogram.ts";
export { PROCESS_FAMILIES, type ProcessReading, readProcess } from "./prometheus/process.ts";
export { METRICS_CONTENT_TYPE, metricsPage } from "./prometheus/text.ts";
