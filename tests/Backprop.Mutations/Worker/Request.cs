namespace Backprop.Mutations;

/// <summary>What a worker is asked for, a line of JSON.</summary>
/// <param name="Assembly">The library, mutated or not.</param>
/// <param name="Mutant">The number of the mutant in it; 0 for none.</param>
/// <param name="Tests">The tests to run, in this order; null to list them all.</param>
/// <param name="StopOnFailure">Whether the first failure is enough.</param>
internal sealed record Request(string Assembly, int Mutant, IReadOnlyList<TestCase>? Tests, bool StopOnFailure);
