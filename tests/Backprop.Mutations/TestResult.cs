namespace Backprop.Mutations;

/// <summary>How a test went.</summary>
/// <param name="Test">The test.</param>
/// <param name="Milliseconds">How long it took.</param>
/// <param name="Failure">What was wrong; null where nothing was.</param>
internal sealed record TestResult(TestCase Test, double Milliseconds, string? Failure);
