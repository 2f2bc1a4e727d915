using MathNet.Numerics;

namespace Backprop.Explain;

/// <summary>A function of one argument or some: <c>exp log sqrt abs max min sign tanh sigmoid softplus erf Phi phi</c>.</summary>
/// <param name="Name">Which.</param>
/// <param name="Arguments">Of what.</param>
public sealed record Function(string Name, params IReadOnlyList<Expression> Arguments) : Expression
{
    /// <inheritdoc/>
    public override double Value => Name switch
    {
        "exp" => Math.Exp(First),
        "log" => Math.Log(First),
        "sqrt" => Math.Sqrt(First),
        "abs" => Math.Abs(First),
        "sign" => double.IsNaN(First) ? double.NaN : Math.Sign(First),
        "tanh" => Math.Tanh(First),
        "sigmoid" => 1 / (1 + Math.Exp(-First)),
        "softplus" => Math.Max(First, 0) + double.LogP1(Math.Exp(-Math.Abs(First))),
        "erf" => SpecialFunctions.Erf(First),
        // The half of the complement keeps its digits where the distribution is nearly 0.
        "Phi" => SpecialFunctions.Erfc(-First / Math.Sqrt(2)) / 2,
        "phi" => Math.Exp(-First * First / 2) / Math.Sqrt(2 * Math.PI),
        "max" => Arguments.Select(argument => argument.Value).Aggregate(Math.Max),
        "min" => Arguments.Select(argument => argument.Value).Aggregate(Math.Min),
        _ => throw new NotSupportedException($"A formula expects one of the functions exp, log, sqrt, abs, max, min, sign, tanh, sigmoid, softplus, erf, Phi, phi, but has {Name}."),
    };

    /// <inheritdoc/>
    public override IReadOnlyList<Expression> Parts => Arguments;

    // To first order, how far an error of the argument reaches.
    internal override double Magnitude => Name switch
    {
        "exp" => Math.Abs(Value) * Math.Max(1, Arguments[0].Magnitude),
        "sqrt" => First == 0 ? Math.Abs(Value) : Math.Abs(Value) * (Arguments[0].Magnitude / Math.Abs(First)),
        "log" => Math.Abs(Value) + (First == 0 ? 0 : Arguments[0].Magnitude / Math.Abs(First)),
        "abs" or "max" or "min" => Arguments.Max(argument => argument.Magnitude),
        "tanh" => Math.Abs(Value) + (1 - Value * Value) * Arguments[0].Magnitude,
        "sigmoid" => Value + Value * (1 - Value) * Arguments[0].Magnitude,
        _ => Math.Abs(Value) + Arguments[0].Magnitude,
    };

    private double First => Arguments[0].Value;

    /// <inheritdoc/>
    public override Expression Shortened(int terms)
    {
        if (Name is not ("max" or "min") || Arguments.Count <= terms) return new Function(Name, [.. Arguments.Select(argument => argument.Shortened(terms))]);
        // The one that counts stays.
        var value = Value;
        return new Function(Name, [.. Arguments.Where(argument => argument.Value.Equals(value)).Take(1), new Rest(Arguments.Count - 1, value)]);
    }
}
