namespace Backprop.Mutations;

/// <summary>One test: a fact, or one row of a theory.</summary>
/// <param name="Class">The class that runs it.</param>
/// <param name="Method">The method.</param>
/// <param name="Row">Which row of its data, from 0.</param>
/// <param name="Arguments">The row in words, empty for a fact.</param>
internal sealed record TestCase(string Class, string Method, int Row, string Arguments)
{
    public override string ToString() => Arguments.Length == 0 ? $"{Class}.{Method}" : $"{Class}.{Method}({Arguments})";
}
