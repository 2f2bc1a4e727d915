namespace Backprop.Mutations;

/// <summary>A mutant and what became of it.</summary>
/// <param name="Mutant">The mutant.</param>
/// <param name="Verdict">What became of it.</param>
/// <param name="Why">The test that went red, or the reason why none can.</param>
/// <param name="IsFalselyEquivalent">Whether the list of equivalents says that no test can.</param>
internal sealed record Outcome(Mutant Mutant, Verdict Verdict, string Why, bool IsFalselyEquivalent = false);
