namespace Backprop.Mutations;

/// <summary>What became of a mutant.</summary>
internal enum Verdict
{
    /// <summary>A test went red, or the tests hung or brought the process down.</summary>
    Killed,

    /// <summary>No test noticed.</summary>
    Survived,

    /// <summary>It computes the same, by the list of equivalents.</summary>
    Equivalent,

    /// <summary>The compiler refused it.</summary>
    Uncompilable,

    /// <summary>There was no time for it.</summary>
    LeftOut,
}
