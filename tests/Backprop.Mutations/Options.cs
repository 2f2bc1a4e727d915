namespace Backprop.Mutations;

/// <summary>What is wanted of a run.</summary>
/// <param name="Only">Files or members that contain one of these texts; all where there are none.</param>
/// <param name="Seconds">A time budget; null for as long as it takes.</param>
/// <param name="Seed">Chooses which mutants come first within the budget.</param>
/// <param name="Jobs">How many are tried at a time.</param>
/// <param name="List">Only list them.</param>
/// <param name="Equivalents">Run those of the list of equivalents, too.</param>
/// <param name="Near">Only with the tests nearest to a mutant's file.</param>
/// <param name="Verbose">Print what became of each.</param>
/// <param name="Write">A file whose section about mutants is written anew.</param>
/// <param name="After">What an earlier run has printed; null for none.</param>
/// <param name="Since">The commit that it was run on.</param>
internal sealed record Options(string[] Only, double? Seconds, int Seed, int Jobs, bool List, bool Equivalents, bool Near, bool Verbose, string? Write, string? After, string? Since);
