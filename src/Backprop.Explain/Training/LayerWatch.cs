using System.Numerics;

namespace Backprop.Explain;

/// <summary>One place in the network.</summary>
internal sealed class LayerWatch<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Parameter<T>[] _own;
    private readonly string[] _names;
    private readonly T[][] _copies;
    private readonly ActivationWatch<T>? _activation;
    private readonly bool _isJudgedByOutput;        // a layer of somebody's own that keeps the shape and learns nothing: perhaps an activation
    private readonly UnitWatch _units = new();
    private readonly ColumnsWatch<T>? _columns;
    private string? _equalRows;
    private bool _isOutput;

    internal LayerWatch(string path, Layer<T> layer, NamedParameter<T>[] own, bool takesData)
    {
        (Path, Layer) = (path, layer);
        (_own, _names) = (Array.ConvertAll(own, named => named.Parameter), Array.ConvertAll(own, named => named.Name));
        _copies = Array.ConvertAll(_own, parameter => new T[parameter.Count]);
        _activation = ActivationWatch<T>.Of(layer);
        _isJudgedByOutput = _activation is null && own.Length == 0 && layer.GetType().Assembly != typeof(Layer<>).Assembly;
        if (takesData && own.Length > 0 && layer is not (Embedding<T> or BatchNorm1d<T> or LayerNorm<T> or RMSNorm<T>)) _columns = new();
    }

    internal string Path { get; }

    internal Layer<T> Layer { get; }

    /// <summary>Keeps the parameters as they are now.</summary>
    internal void Copy()
    {
        for (var i = 0; i < _own.Length; i++) _own[i].Values.CopyTo(_copies[i]);
    }

    /// <summary>Looks at the layer after a step.</summary>
    internal LayerSample Look(ForwardPass<T> pass, long window, bool seesUpdate, bool isOutput)
    {
        _isOutput = isOutput;
        var (gradient, update, values, learns) = (0.0, 0.0, 0.0, false);
        _equalRows = null;
        for (var i = 0; i < _own.Length; i++)
        {
            var parameter = _own[i];
            if (parameter.Frozen) continue;
            learns = true;
            gradient += Norms.Squares<T>(parameter.Gradients);
            if (seesUpdate) (update, values) = (update + Norms.SquaredDistance<T>(parameter.Values, _copies[i]), values + Norms.Squares<T>(_copies[i]));
            if (parameter.Shape is [>= 2, _] && Norms.HasEqualRows<T>(parameter.Values, parameter.Shape[0])) _equalRows ??= _names[i];
        }

        double dead = double.NaN, saturated = double.NaN;
        if (_activation is not null)
        {
            _units.Require(pass.Output.ColumnCount);
            saturated = _activation.Look(pass.Input, _units);
            dead = _units.ShareSilent(window);
        }
        else if (_isJudgedByOutput && pass.Output.ColumnCount == pass.Input.ColumnCount)
        {
            LookAtOutput(pass);
            dead = _units.ShareSilent(window);
        }

        _columns?.Look(pass.Input);
        return new(
            learns ? Math.Sqrt(gradient) : double.NaN,
            learns && seesUpdate && values > 0 ? Math.Sqrt(update / values) : double.NaN,
            pass.OutputGradient is { } dY ? Math.Sqrt(Norms.Squares(Norms.Entries(dY))) : double.NaN,
            dead, saturated);
    }

    internal LayerRecord Record(int units) => new(Path, $"{Layer}")
    {
        Learning = _own.Where(parameter => !parameter.Frozen).Sum(parameter => (long)parameter.Count),
        Frozen = _own.Where(parameter => parameter.Frozen).Sum(parameter => (long)parameter.Count),
        Units = units,
        IsOutput = _isOutput,
        Inputs = _columns?.Columns(),
        EqualRows = _equalRows,
    };

    private void LookAtOutput(ForwardPass<T> pass)
    {
        var rows = pass.Output.RowCount;
        var entries = Norms.Entries(pass.Output);
        _units.Require(pass.Output.ColumnCount);
        for (var j = 0; j < pass.Output.ColumnCount; j++) _units.See(j, rows, lives: entries.Slice(j * rows, rows).ContainsAnyExcept(T.Zero));
    }
}
