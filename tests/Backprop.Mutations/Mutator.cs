using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Backprop.Mutations;

/// <summary>Makes the mutants of one file: each a slip of the pen that a derivation by hand could have.</summary>
internal sealed partial class Mutator : CSharpSyntaxWalker
{
    /// <summary>Calls that are mistaken for each other.</summary>
    private static readonly (string One, string Other)[] Twins =
        [("AtMost", "AtLeast"), ("Max", "Min"), ("Sin", "Cos"), ("Exp", "Expm1"), ("Log", "Log1p"), ("Times", "TimesTransposed"), ("Floor", "Ceiling")];

    private readonly string _file;
    private readonly SourceText _text;
    private readonly SemanticModel _meaning;
    private readonly bool _kernel;
    private readonly List<Mutant> _mutants = [];
    private readonly HashSet<(TextSpan, string)> _seen = [];
    private readonly HashSet<(TextSpan, string)> _confused = [];
    private readonly Dictionary<SyntaxNode, List<ISymbol>> _variables = [];

    private Mutator(string file, SyntaxTree tree, SemanticModel meaning) => (_file, _text, _meaning, _kernel) = (file, tree.GetText(), meaning, Scope.IsKernel(file));

    /// <summary>All mutants of a file, in the order of the text.</summary>
    public static IReadOnlyList<Mutant> Of(string file, Source source)
    {
        var (tree, meaning) = source.Read(file);
        var mutator = new Mutator(file, tree, meaning);
        mutator.Visit(tree.GetRoot());
        return mutator._mutants;
    }

    public override void Visit(SyntaxNode? node)
    {
        if (node is null || Scope.Excludes(node)) return;
        if (node is ExpressionSyntax expression && IsReturned(expression) && Means(expression) == Meaning.Real && expression is not (LiteralExpressionSyntax or AssignmentExpressionSyntax))
            Add("sign", expression, $"-({expression})");
        base.Visit(node);
    }

    public override void VisitBinaryExpression(BinaryExpressionSyntax node)
    {
        var (kind, left, right) = (Means(node), node.Left.ToString(), node.Right.ToString());
        if (kind == Meaning.Real || (kind == Meaning.Whole && !_kernel))
        {
            switch (node.Kind())
            {
                case SyntaxKind.AddExpression:
                    Swap(node.OperatorToken, "-");
                    Dropped("term", left, right);
                    break;
                case SyntaxKind.SubtractExpression:
                    Swap(node.OperatorToken, "+");
                    Dropped("term", left, $"(-{Grouped(node.Right)})");
                    break;
                case SyntaxKind.MultiplyExpression:
                    Dropped("factor", left, right);
                    break;
                case SyntaxKind.DivideExpression:
                    Swap(node.OperatorToken, "*");
                    Dropped("factor", left, right);
                    break;
            }
        }

        if (!_kernel || Means(node.Left) is Meaning.Real or Meaning.Truth)
        {
            string[] others = node.Kind() switch
            {
                SyntaxKind.LessThanExpression => ["<=", ">"],
                SyntaxKind.LessThanOrEqualExpression => ["<", ">="],
                SyntaxKind.GreaterThanExpression => [">=", "<"],
                SyntaxKind.GreaterThanOrEqualExpression => [">", "<="],
                SyntaxKind.EqualsExpression when !IsNull(node) => ["!="],
                SyntaxKind.NotEqualsExpression when !IsNull(node) => ["=="],
                SyntaxKind.LogicalAndExpression => ["||"],
                SyntaxKind.LogicalOrExpression => ["&&"],
                SyntaxKind.BitwiseAndExpression when kind == Meaning.Real => ["|"],
                SyntaxKind.BitwiseOrExpression when kind == Meaning.Real => ["&"],
                _ => [],
            };
            foreach (var other in others) Add("comparison", node.OperatorToken, other);
        }

        base.VisitBinaryExpression(node);

        void Swap(SyntaxToken token, string other) => Add("operator", token, other);

        // Either side is left out.
        void Dropped(string what, string first, string second)
        {
            Add($"dropped {what}", node, first);
            Add($"dropped {what}", node, second);
        }
    }

    public override void VisitPrefixUnaryExpression(PrefixUnaryExpressionSyntax node)
    {
        if (node.IsKind(SyntaxKind.UnaryMinusExpression) && Means(node) is Meaning.Real or Meaning.Whole) Add("sign", node, node.Operand.ToString());
        if (node.IsKind(SyntaxKind.LogicalNotExpression)) Add("comparison", node, node.Operand.ToString());
        base.VisitPrefixUnaryExpression(node);
    }

    public override void VisitAssignmentExpression(AssignmentExpressionSyntax node)
    {
        var kind = Means(node.Left);
        if (kind == Meaning.Real || (kind == Meaning.Whole && !_kernel))
        {
            string[] others = node.Kind() switch
            {
                SyntaxKind.AddAssignmentExpression => ["-=", "="],
                SyntaxKind.SubtractAssignmentExpression => ["+=", "="],
                SyntaxKind.MultiplyAssignmentExpression => ["/=", "="],
                SyntaxKind.DivideAssignmentExpression => ["*=", "="],
                _ => [],
            };
            foreach (var other in others) Add(other == "=" ? "set for add" : "operator", node.OperatorToken, other);
            if (kind == Meaning.Real && node.IsKind(SyntaxKind.SimpleAssignmentExpression) && node.Right is not LiteralExpressionSyntax) Add("sign", node.Right, $"-({node.Right})");
        }

        // The name that is assigned to is no operand.
        if (node.Left is not IdentifierNameSyntax) Visit(node.Left);
        Visit(node.Right);
    }

    public override void VisitExpressionStatement(ExpressionStatementSyntax node)
    {
        if (!Scope.Excludes(node.Expression) && node.Parent is not ForStatementSyntax) Add("dropped statement", node, ";");
        base.VisitExpressionStatement(node);
    }

    public override void VisitForStatement(ForStatementSyntax node) => Visit(node.Statement); // its header is no formula

    public override void VisitIfStatement(IfStatementSyntax node)
    {
        if (node.Condition is not BinaryExpressionSyntax and not PrefixUnaryExpressionSyntax && Means(node.Condition) == Meaning.Truth && !IsNull(node.Condition))
            Add("comparison", node.Condition, $"!({node.Condition})");
        base.VisitIfStatement(node);
    }

    public override void VisitConditionalExpression(ConditionalExpressionSyntax node)
    {
        if (Means(node) is not (Meaning.None or Meaning.Data))
        {
            Add("wrong branch", node, Grouped(node.WhenTrue));
            Add("wrong branch", node, Grouped(node.WhenFalse));
        }

        base.VisitConditionalExpression(node);
    }

    public override void VisitInvocationExpression(InvocationExpressionSyntax node)
    {
        var name = node.Expression switch
        {
            MemberAccessExpressionSyntax access => access.Name,
            SimpleNameSyntax simple => simple,
            _ => null,
        };
        var arguments = node.ArgumentList.Arguments;
        foreach (var (one, other) in Twins)
        {
            if (name?.Identifier.Text == one) Add("wrong function", name.Identifier, other);
            if (name?.Identifier.Text == other) Add("wrong function", name.Identifier, one);
        }

        // f(x) becomes x.
        if (arguments.Count == 1 && Means(node) == Meaning.Real && Means(arguments[0].Expression) == Meaning.Real && node.Expression is MemberAccessExpressionSyntax { Expression: SimpleNameSyntax })
            Add("dropped function", node, Grouped(arguments[0].Expression));
        if (name?.Identifier.Text is not ("Max" or "Min" or "MultiplyAdd" or "Add" or "Multiply")) Exchange(arguments);
        base.VisitInvocationExpression(node);
    }

    public override void VisitObjectCreationExpression(ObjectCreationExpressionSyntax node)
    {
        if (node.ArgumentList is not null) Exchange(node.ArgumentList.Arguments);
        base.VisitObjectCreationExpression(node);
    }

    public override void VisitLiteralExpression(LiteralExpressionSyntax node)
    {
        if (node.Token.Value is bool truth) Add("constant", node, truth ? "false" : "true");
        if (node.Token.Value is double or float or int or long && node.Parent is not (BracketedArgumentListSyntax or CaseSwitchLabelSyntax or ConstantPatternSyntax) && !(_kernel && Converted(node) == Meaning.Whole)
            && !node.Ancestors().Any(ancestor => ancestor is ElementAccessExpressionSyntax or RangeExpressionSyntax or ArgumentSyntax { Parent.Parent: ElementAccessExpressionSyntax }))
        {
            var value = Convert.ToDouble(node.Token.Value, CultureInfo.InvariantCulture);
            var other = value == 0 ? 1 : node.Token.Value is int or long || value == Math.Floor(value) ? value + 1 : value * 1.01;
            Add("constant", node, other.ToString("R", CultureInfo.InvariantCulture));
        }
    }

    public override void VisitMemberAccessExpression(MemberAccessExpressionSyntax node)
    {
        if (Means(node) == Meaning.Real && node.Name.Identifier.Text is "Zero" or "One") Add("constant", node.Name, node.Name.Identifier.Text == "Zero" ? "One" : "Zero");
        else Visit(node.Expression);
    }

    public override void VisitIdentifierName(IdentifierNameSyntax node)
    {
        // Of arguments, neighbours change places instead.
        if (node.Parent is NameColonSyntax or TypeArgumentListSyntax or ArgumentSyntax { RefKindKeyword.RawKind: not 0 } or ArgumentSyntax { Parent: ArgumentListSyntax { Arguments.Count: > 1 } }) return;
        // Operands have the sizes of each other; that is checked before.
        if (node.Parent is MemberAccessExpressionSyntax { Name.Identifier.Text: "RowCount" or "ColumnCount" or "Length" }) return;
        var kind = Means(node);
        if (kind is not (Meaning.Real or Meaning.Data) || _meaning.GetSymbolInfo(node).Symbol is not { } own || TypeOf(own) is not { } type) return;

        // The next variable of the same type in scope, in the order in which they are declared: the one beside it.
        var others = VariablesOf(node).Where(symbol => SymbolEqualityComparer.Default.Equals(TypeOf(symbol), type) && IsInScope(symbol, node)).ToList();
        // Once a statement: where a variable stands twice, one of them is enough.
        var place = others.FindIndex(symbol => SymbolEqualityComparer.Default.Equals(symbol, own));
        if (place >= 0 && others.Count > 1 && _confused.Add((Around(node).Span, own.Name))) Add("wrong operand", node, others[(place + 1) % others.Count].Name);
    }

    // A default is compiled into its callers, the tests too: another one in the library changes nothing for them. PublicApi.txt holds the defaults.
    public override void VisitParameter(ParameterSyntax node) { }

    public override void VisitTypeArgumentList(TypeArgumentListSyntax node) { }

    // Two neighbours of the same type change places: wrong operand, or transpose.
    private void Exchange(SeparatedSyntaxList<ArgumentSyntax> arguments)
    {
        for (var i = 0; i + 1 < arguments.Count; i++)
        {
            ArgumentSyntax a = arguments[i], b = arguments[i + 1];
            if (a.NameColon is not null || b.NameColon is not null || !a.RefKindKeyword.IsKind(SyntaxKind.None) || a.ToString() == b.ToString()) continue;
            var kind = Means(a.Expression);
            if (kind != Means(b.Expression) || kind == Meaning.None || (_kernel && kind is not Meaning.Real)) continue;
            Replace("exchanged", TextSpan.FromBounds(a.SpanStart, b.Span.End), $"{b}, {a}", a);
        }
    }

    private enum Meaning { None, Real, Whole, Truth, Data }

    private Meaning Means(ExpressionSyntax node)
    {
        var info = _meaning.GetTypeInfo(node);
        return Of(info.Type ?? info.ConvertedType);
    }

    private Meaning Converted(ExpressionSyntax node) => Of(_meaning.GetTypeInfo(node).ConvertedType);

    private static Meaning Of(ITypeSymbol? type) => type switch
    {
        null or IPointerTypeSymbol => Meaning.None,
        { SpecialType: SpecialType.System_Boolean } => Meaning.Truth,
        { SpecialType: SpecialType.System_Double or SpecialType.System_Single } => Meaning.Real,
        { SpecialType: SpecialType.System_Int32 or SpecialType.System_Int64 or SpecialType.System_IntPtr or SpecialType.System_UInt32 or SpecialType.System_UInt64 } => Meaning.Whole,
        ITypeParameterSymbol parameter => parameter.ConstraintTypes.Any(constraint => constraint.Name is "IFloatingPointIeee754" or "ISimd" or "IVector" or "INumber") ? Meaning.Real : Meaning.None,
        IArrayTypeSymbol { ElementType: var element } => Of(element) is Meaning.Real or Meaning.Data ? Meaning.Data : Meaning.None,
        INamedTypeSymbol { Name: "Nullable", TypeArguments: [var value] } => Of(value),
        INamedTypeSymbol { Name: "Span" or "ReadOnlySpan" or "Matrix" or "Vector", TypeArguments: [var element] } => Of(element) == Meaning.Real ? Meaning.Data : Meaning.None,
        _ => Meaning.None,
    };

    private static ITypeSymbol? TypeOf(ISymbol symbol) => symbol switch
    {
        ILocalSymbol local => local.Type,
        IParameterSymbol parameter => parameter.Type,
        _ => null,
    };

    // What a member can name: its own parameters and locals, and those of a primary constructor.
    private List<ISymbol> VariablesOf(SyntaxNode node)
    {
        var type = node.FirstAncestorOrSelf<TypeDeclarationSyntax>()!;
        SyntaxNode member = node.FirstAncestorOrSelf<MemberDeclarationSyntax>()!;
        if (_variables.TryGetValue(member, out var known)) return known;
        var parameters = type.ParameterList?.Parameters ?? [];
        return _variables[member] = [.. parameters.Concat(member == type ? [] : member.DescendantNodes().Where(node => node is ParameterSyntax or VariableDeclaratorSyntax or SingleVariableDesignationSyntax))
            .Select(node => _meaning.GetDeclaredSymbol(node)).OfType<ISymbol>().Where(symbol => symbol.Name.Trim('_').Length > 0 && TypeOf(symbol) is not null)];
    }

    private static bool IsInScope(ISymbol symbol, SyntaxNode node)
    {
        var declaration = symbol.DeclaringSyntaxReferences[0].GetSyntax();
        if (symbol is IParameterSymbol) return declaration.Parent?.Parent?.Span.Contains(node.Span) == true;
        var statement = declaration.FirstAncestorOrSelf<StatementSyntax>();
        return statement?.Parent?.Span.Contains(node.Span) == true && (statement is ForStatementSyntax ? statement.Span.Contains(node.Span) : declaration.Span.End < node.SpanStart && !statement.Span.Contains(node.Span));
    }

    private static bool IsNull(ExpressionSyntax node) => node switch
    {
        BinaryExpressionSyntax { Right: LiteralExpressionSyntax { Token.Text: "null" } } => true,
        IsPatternExpressionSyntax => true,
        _ => false,
    };

    // What a formula ends in: the value of a method, a property, or a local.
    private static bool IsReturned(ExpressionSyntax node) => node.Parent switch
    {
        ArrowExpressionClauseSyntax or ReturnStatementSyntax => true,
        EqualsValueClauseSyntax { Parent: VariableDeclaratorSyntax } => node is not (IdentifierNameSyntax or LiteralExpressionSyntax),
        _ => false,
    };

    private static string Grouped(ExpressionSyntax node) => node is IdentifierNameSyntax or LiteralExpressionSyntax or InvocationExpressionSyntax or ParenthesizedExpressionSyntax or MemberAccessExpressionSyntax ? node.ToString() : $"({node})";

    private void Add(string kind, SyntaxNode node, string replacement)
    {
        if (kind == "sign" && node.ToString().EndsWith(".Zero", StringComparison.Ordinal)) return;     // to begin a sum with
        Replace(kind, node.Span, replacement, node);
    }

    private void Add(string kind, SyntaxToken token, string replacement) => Replace(kind, token.Span, replacement, token.Parent!);

    private void Replace(string kind, TextSpan span, string replacement, SyntaxNode node)
    {
        if (_text.ToString(span) == replacement || !_seen.Add((span, replacement))) return;
        var around = Around(node).Span;
        var original = _text.ToString(around);
        var mutated = original[..(span.Start - around.Start)] + replacement + original[(span.End - around.Start)..];
        _mutants.Add(new Mutant(_file, MemberOf(node), kind, _text.Lines.GetLinePosition(span.Start).Line + 1, InOneLine(original), InOneLine(mutated), span, replacement, Carrier.Of(node)));
    }

    // The statement, or the formula where there is none: enough to recognise a mutant by, wherever it lies in the file.
    private static SyntaxNode Around(SyntaxNode node)
    {
        for (var current = node; ; current = current.Parent!)
        {
            switch (current.Parent)
            {
                case null or BlockSyntax or ArrowExpressionClauseSyntax or ForStatementSyntax or IfStatementSyntax or WhileStatementSyntax or SwitchExpressionArmSyntax or ConstructorInitializerSyntax or BaseListSyntax
                    or SwitchSectionSyntax or ParameterListSyntax or BaseTypeDeclarationSyntax or PropertyDeclarationSyntax or AccessorDeclarationSyntax:
                    return current is AccessorListSyntax ? node : current;
            }
        }
    }

    private static string MemberOf(SyntaxNode node) => string.Join('.', node.AncestorsAndSelf().Select(NameOf).OfType<string>().Reverse());

    private static string? NameOf(SyntaxNode node) => node switch
    {
        TypeDeclarationSyntax type => type.Identifier.Text,
        MethodDeclarationSyntax method => method.Identifier.Text,
        LocalFunctionStatementSyntax function => function.Identifier.Text,
        PropertyDeclarationSyntax property => property.Identifier.Text,
        ConstructorDeclarationSyntax => "ctor",
        OperatorDeclarationSyntax function => function.OperatorToken.Text,
        FieldDeclarationSyntax field => field.Declaration.Variables[0].Identifier.Text,
        _ => null,
    };

    private static string InOneLine(string text) => Spaces().Replace(Comments().Replace(text, ""), " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex("//.*")]
    private static partial Regex Comments();
}
