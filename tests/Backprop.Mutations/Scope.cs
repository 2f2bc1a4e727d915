using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Backprop.Mutations;

/// <summary>What is mathematics and what is not: where mutants are made.</summary>
internal static class Scope
{
    private static readonly string[] Folders = ["Layers/", "Losses/", "Optimizers/", "Schedulers/", "Initialization/"];
    private static readonly HashSet<string> Files =
        [
            "Loss.cs", "Kernels/RowNormalization.cs", "Kernels/ColumnNormalization.cs", "Kernels/SoftmaxRows.cs", "Kernels/CrossEntropy.cs", "Kernels/Update.cs", "Kernels/Moments.cs", "Kernels/Attention.cs", "Kernels/RotationTable.cs", "Kernels/OverTime.cs",
            "Kernels/Resampling.cs", "Kernels/MaxPooling.cs", "Kernels/Windows.cs", "Kernels/GroupNormalization.cs", "Kernels/Recurrence.cs", "Kernels/AttentionShape.cs", "Kernels/ConvolutionShape.cs",
        ];

    // State that goes to files and back; its tests are those of files.
    private static readonly HashSet<string> NotFiles = ["Optimizers/StateExchange.cs", "Optimizers/OptimizerState.cs"];

    // Refusals, texts and state.
    private static readonly HashSet<string> NotMembers = ["Exchange", "ToString", "Owner", "Argument", "RequireDistinct", "Buffers"];
    private static readonly HashSet<string> Checks = ["Expect", "Operand", "Entries", "Lengths", "Classes", "ArgumentNullException", "ArgumentException", "ArgumentOutOfRangeException", "RuntimeHelpers", "Text"];

    /// <summary>Whether a file, from src/Backprop, holds mathematics.</summary>
    public static bool Holds(string file) => !NotFiles.Contains(file) && (Files.Contains(file) || Folders.Any(folder => file.StartsWith(folder, StringComparison.Ordinal)));

    /// <summary>Whether the file is of pointers: what goes wrong with its integers is found by guard pages, not by mathematics.</summary>
    public static bool IsKernel(string file) => file.StartsWith("Kernels/", StringComparison.Ordinal);

    /// <summary>Whether a node and all below it are something else than mathematics: a message, a check, an attribute, a name.</summary>
    public static bool Excludes(SyntaxNode node) => node switch
    {
        AttributeListSyntax or InterpolatedStringExpressionSyntax or ThrowStatementSyntax or ThrowExpressionSyntax => true,
        MethodDeclarationSyntax method => NotMembers.Contains(method.Identifier.Text) || IsCheck(method.Identifier.Text, "Check", "Must") || IsText(method.ReturnType),
        PropertyDeclarationSyntax property => NotMembers.Contains(property.Identifier.Text) || IsText(property.Type),
        AccessorDeclarationSyntax accessor => !accessor.Keyword.IsKind(SyntaxKind.GetKeyword),     // sets, and checks what it sets
        IfStatementSyntax { Else: null } branch => OnlyThrows(branch.Statement),
        InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: SimpleNameSyntax name } } => Checks.Contains(name.Identifier.Text),
        InvocationExpressionSyntax { Expression: SimpleNameSyntax name } => name.Identifier.Text is "nameof" || IsCheck(name.Identifier.Text, "Check", "Must", "Require"),
        _ => false,
    };

    private static bool IsCheck(string method, params ReadOnlySpan<string> verbs)
    {
        foreach (var verb in verbs)
            if (method.StartsWith(verb, StringComparison.Ordinal)) return true;
        return false;
    }

    private static bool IsText(TypeSyntax type) => type is PredefinedTypeSyntax { Keyword.Text: "string" };

    private static bool OnlyThrows(StatementSyntax statement) => statement switch
    {
        ThrowStatementSyntax => true,
        BlockSyntax block => block.Statements.Count > 0 && block.Statements[^1] is ThrowStatementSyntax,
        _ => false,
    };
}
