using System.Reflection;
using System.Reflection.Emit;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Kernels;

/// <summary>The project checks integers for overflow, and with them pointers. In the loops of kernels that would cost time, so they say <c>unchecked</c>.</summary>
public sealed class UncheckedTests
{
    private const BindingFlags Everything = BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    // Done once for each call, part or parameter, and worth a check; the size of a stackalloc is checked by the language.
    private static readonly string[] Rightly = ["Moments`1", "ReusedMatrix`1.New", "Products.Run", "SplitProduct`1", "Workers", "Ends.Run", "Update`2.Run", "Product`1.Beside",
        "Convolution`1.get_PhaseWidth", "Convolution`1.PartsFor", "Convolution`1.Prepare", "Convolution`1.Grow", "Convolution`1.AddWeightGradient", "Convolution`1.Spread", "ConvolutionShape", "GroupNormalization`1",
        "MaxPooling.Run", "Resampling.Run", "Windows`1", "GatherTile.Block"];

    private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    [Fact]
    public void No_loop_of_a_kernel_checks_its_indices_for_overflow() =>
        Methods().Where(method => method.DeclaringType!.Namespace is "Backprop.Kernels" or "Backprop.Simd").Where(Checks).Select(Name)
            .Where(name => !Rightly.Any(rightly => name.StartsWith(rightly, StringComparison.Ordinal))).Should().BeEmpty();

    [Fact]
    public void Elsewhere_they_are_checked() =>
        Methods().Where(method => method.DeclaringType!.Namespace == nameof(Backprop)).Where(Checks).Select(Name).Should().Contain("Embedding`1.OutputColumns");

    private static IEnumerable<MethodInfo> Methods() => typeof(Layer<>).Assembly.GetTypes().SelectMany(type => type.GetMethods(Everything));

    private static string Name(MethodInfo method)
    {
        var type = method.DeclaringType!;
        return $"{(type.IsNested ? $"{type.DeclaringType!.Name}." : "")}{type.Name}.{method.Name}";
    }

    private static bool Checks(MethodInfo method)
    {
        var code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        for (var i = 0; i < code.Length;)
        {
            var instruction = OpCodesByValue[code[i] == 0xFE ? (short)(0xFE00 | code[i + 1]) : code[i]];
            if (instruction.Name!.Contains(".ovf", StringComparison.Ordinal)) return true;
            i += instruction.Size;
            i += instruction.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, i),
                _ => 4,
            };
        }

        return false;
    }
}
