using Microsoft.CodeAnalysis.Text;

namespace Backprop.Mutations;

/// <summary>One change of the source.</summary>
/// <param name="File">The file, from src/Backprop, with slashes.</param>
/// <param name="Member">Type and member that hold it, as in <c>Sigmoid.Function.Backward</c>.</param>
/// <param name="Kind">What sort of change it is.</param>
/// <param name="Line">The line, from 1; for people only, since lines move.</param>
/// <param name="Original">The statement or formula, in one line, as it is.</param>
/// <param name="Mutated">The same, changed.</param>
/// <param name="Span">What is replaced in the file.</param>
/// <param name="Replacement">What it is replaced by.</param>
/// <param name="Carrier">The body or value in which it stands.</param>
internal sealed record Mutant(string File, string Member, string Kind, int Line, string Original, string Mutated, TextSpan Span, string Replacement, Carrier Carrier)
{
    /// <summary>The file's name, which is its type's.</summary>
    public string Type => Path.GetFileNameWithoutExtension(File);
}
