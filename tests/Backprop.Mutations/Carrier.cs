using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Backprop.Mutations;

/// <summary>What holds mutants beside the original, so that one assembly has many of them, and a number says which one is meant: a body or a value.</summary>
/// <param name="Span">What is replaced in the file.</param>
/// <param name="Inner">The body or value in it.</param>
/// <param name="Form">How to write the choice.</param>
internal sealed record Carrier(TextSpan Span, TextSpan Inner, Carrier.Choice Form)
{
    /// <summary>How a choice is written.</summary>
    internal enum Choice { Block, Return, Call, Getter, Value, None }

    private const string Number = "global::Backprop.ActiveMutant.Number";

    /// <summary>The number's declaration: constant once it is read, so that the compiler at run time leaves out what is not meant.</summary>
    public const string Declaration = $$"""
        namespace Backprop;
        internal static class ActiveMutant { internal static readonly int Number = int.Parse(System.Environment.GetEnvironmentVariable("{{Variable}}") ?? "0"); }
        """;

    /// <summary>The environment variable that holds the number.</summary>
    public const string Variable = "BACKPROP_MUTANT";

    /// <summary>The carrier of a node.</summary>
    public static Carrier Of(SyntaxNode node)
    {
        var carrier = new Carrier(default, default, Choice.None);
        foreach (var current in node.AncestorsAndSelf())
        {
            switch (current)
            {
                case BlockSyntax { Parent: BaseMethodDeclarationSyntax or AccessorDeclarationSyntax }:
                    return new Carrier(current.Span, current.Span, Choice.Block);
                case ArrowExpressionClauseSyntax { Parent: BaseMethodDeclarationSyntax or AccessorDeclarationSyntax or PropertyDeclarationSyntax } arrow:
                    var form = arrow.Parent switch
                    {
                        PropertyDeclarationSyntax => Choice.Getter,
                        ConstructorDeclarationSyntax or MethodDeclarationSyntax { ReturnType: PredefinedTypeSyntax { Keyword.RawKind: (int)SyntaxKind.VoidKeyword } } => Choice.Call,
                        _ => Choice.Return,
                    };
                    return new Carrier(TextSpan.FromBounds(arrow.SpanStart, arrow.Parent!.Span.End), arrow.Expression.Span, form);
                case ArgumentSyntax { Parent.Parent: ConstructorInitializerSyntax or PrimaryConstructorBaseTypeSyntax } argument:
                    return new Carrier(argument.Expression.Span, argument.Expression.Span, Choice.Value);
                case EqualsValueClauseSyntax { Parent: PropertyDeclarationSyntax or VariableDeclaratorSyntax { Parent.Parent: FieldDeclarationSyntax } } value
                    when !value.Ancestors().OfType<FieldDeclarationSyntax>().Any(field => field.Modifiers.Any(SyntaxKind.ConstKeyword)):
                    return new Carrier(value.Value.Span, value.Value.Span, Choice.Value);
            }
        }

        return carrier;
    }

    /// <summary>The parts of the text that replaces the carrier: what is the original's or the choice's, and what is a mutant's.</summary>
    /// <param name="inner">The original body or value.</param>
    /// <param name="mutants">The mutated ones, by number.</param>
    public IEnumerable<(string Text, int? Mutant)> Write(string inner, IEnumerable<(int Number, string Text)> mutants)
    {
        var (begin, test, then, otherwise, last, end) = Form switch
        {
            Choice.Block => ("{ ", "if ({0} == {1}) ", "", " else ", "", " }"),
            Choice.Return => ("{ ", "if ({0} == {1}) ", "return ", "; else ", "return ", "; }"),
            Choice.Call => ("{ ", "if ({0} == {1}) ", "", "; else ", "", "; }"),
            Choice.Getter => ("{ get { ", "if ({0} == {1}) ", "return ", "; else ", "return ", "; } }"),
            _ => ("(", "{0} == {1} ? ", "", " : ", "", ")"),
        };
        yield return (begin, null);
        foreach (var (number, text) in mutants)
        {
            yield return (string.Format(CultureInfo.InvariantCulture, test, Number, number), null);
            yield return (then + text, number);
            yield return (otherwise, null);
        }

        yield return (last + inner + end, null);
    }
}
