using FluentAssertions;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Backprop.Tests.Docs;

/// <summary>The public API stands in PublicApi.txt, so that a change of it is seen in review. <c>UPDATE_PUBLIC_API=1</c> writes the file anew.</summary>
public sealed class PublicApiTests
{
    private static readonly string Path = System.IO.Path.Combine(Repository.Root, "tests", "Backprop.Tests", "PublicApi.txt");

    private static readonly SymbolDisplayFormat Format = new(
        SymbolDisplayGlobalNamespaceStyle.Omitted,
        SymbolDisplayTypeQualificationStyle.NameAndContainingTypes,
        SymbolDisplayGenericsOptions.IncludeTypeParameters | SymbolDisplayGenericsOptions.IncludeTypeConstraints | SymbolDisplayGenericsOptions.IncludeVariance,
        SymbolDisplayMemberOptions.IncludeAccessibility | SymbolDisplayMemberOptions.IncludeModifiers | SymbolDisplayMemberOptions.IncludeParameters | SymbolDisplayMemberOptions.IncludeType
            | SymbolDisplayMemberOptions.IncludeRef | SymbolDisplayMemberOptions.IncludeConstantValue | SymbolDisplayMemberOptions.IncludeExplicitInterface,
        SymbolDisplayDelegateStyle.NameAndSignature,
        SymbolDisplayExtensionMethodStyle.StaticMethod,
        SymbolDisplayParameterOptions.IncludeType | SymbolDisplayParameterOptions.IncludeName | SymbolDisplayParameterOptions.IncludeDefaultValue | SymbolDisplayParameterOptions.IncludeParamsRefOut
            | SymbolDisplayParameterOptions.IncludeExtensionThis,
        SymbolDisplayPropertyStyle.ShowReadWriteDescriptor,
        kindOptions: SymbolDisplayKindOptions.IncludeTypeKeyword,
        miscellaneousOptions: SymbolDisplayMiscellaneousOptions.UseSpecialTypes | SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);

    [Fact]
    public void What_is_public_is_what_the_file_says()
    {
        var actual = string.Join('\n', Describe("Backprop"), Describe("Backprop.Explain"), Describe("Backprop.Mpi"), Describe("Backprop.Onnx"), Describe("Backprop.Torch"));
        if (Environment.GetEnvironmentVariable("UPDATE_PUBLIC_API") is not null) File.WriteAllText(Path, actual);
        var written = File.Exists(Path) ? File.ReadAllText(Path).ReplaceLineEndings("\n") : "";
        string[] now = actual.Split('\n'), before = written.Split('\n');
        const string Because = "the public API and tests/Backprop.Tests/PublicApi.txt agree; where a change is meant, UPDATE_PUBLIC_API=1 writes the file anew";
        now.Except(before).Should().BeEmpty($"{Because} (these are new)");
        before.Except(now).Should().BeEmpty($"{Because} (these are gone)");
        (actual == written).Should().BeTrue(Because);
    }

    private static string Describe(string assembly)
    {
        var symbol = SnippetCompiler.Empty.References.Select(SnippetCompiler.Empty.GetAssemblyOrModuleSymbol).OfType<IAssemblySymbol>().Single(candidate => candidate.Name == assembly);
        return $"# {assembly}\n{string.Concat(Types(symbol.GlobalNamespace).Where(IsVisible).Select(Describe).Order(StringComparer.Ordinal))}";
    }

    private static string Describe(INamedTypeSymbol type)
    {
        var modifiers = type switch { { TypeKind: TypeKind.Class, IsStatic: true } => "static ", { TypeKind: TypeKind.Class, IsAbstract: true } => "abstract ", { TypeKind: TypeKind.Class, IsSealed: true } => "sealed ", { IsReadOnly: true, TypeKind: TypeKind.Struct } => "readonly ", _ => "" };
        var bases = new[] { type.BaseType }.Where(parent => parent is { SpecialType: SpecialType.None }).Concat(type.Interfaces).Where(parent => IsVisible(parent!)).Select(parent => parent!.ToDisplayString(Format.WithKindOptions(SymbolDisplayKindOptions.None).WithGenericsOptions(SymbolDisplayGenericsOptions.IncludeTypeParameters))).ToArray();
        var (name, constraints) = type.ToDisplayString(Format).Split(" where ", 2) is [var first, var second] ? (first, $" where {second}") : (type.ToDisplayString(Format), "");
        var members = type.GetMembers()
            .Where(member => IsVisible(member) && member is not INamedTypeSymbol && IsWritten(member) && (type.TypeKind != TypeKind.Enum || member is IFieldSymbol))
            .Select(member => $"    {member.ToDisplayString(Format)}\n").Order(StringComparer.Ordinal);
        var access = type.DeclaredAccessibility == Accessibility.Public ? "" : "protected ";
        return $"\n{access}{modifiers}{name}{(bases.Length > 0 ? " : " : "")}{string.Join(", ", bases)}{constraints}\n{string.Concat(members)}";
    }

    private static IEnumerable<INamedTypeSymbol> Types(INamespaceOrTypeSymbol container) =>
        container.GetMembers().OfType<INamespaceOrTypeSymbol>().SelectMany(member => member is INamedTypeSymbol type ? Types(type).Prepend(type) : Types(member));

    private static bool IsVisible(ISymbol symbol) =>
        symbol.DeclaredAccessibility is Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal && (symbol.ContainingType is null || IsVisible(symbol.ContainingType));

    // Constructors and operators are; the accessors of properties and what the compiler makes for records are not.
    private static bool IsWritten(ISymbol member) => !member.Name.Contains('<', StringComparison.Ordinal)
        && (member is not IMethodSymbol method || method.MethodKind is MethodKind.Ordinary or MethodKind.Constructor or MethodKind.UserDefinedOperator or MethodKind.Conversion);
}
