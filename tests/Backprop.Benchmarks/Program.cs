using Backprop.Benchmarks;

// The child of a cold start loads nothing but what it measures, so it is told apart before anything else is touched.
return args is [ColdStart.Argument, var side, var startedAt] ? ColdStart.Child(side, startedAt) : Commands.Run(args);
