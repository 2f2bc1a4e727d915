namespace Backprop.Explain;

/// <summary>For each unit, how many samples have gone by since it last gave anything.</summary>
internal sealed class UnitWatch
{
    private long[] _silent = [];

    /// <summary>Samples since each unit last gave something.</summary>
    internal ReadOnlySpan<long> Silent => _silent;

    /// <summary>Makes room for so many units; where there were others, begins anew.</summary>
    internal void Require(int units)
    {
        if (_silent.Length != units) _silent = new long[units];
    }

    /// <summary>Some samples of one unit.</summary>
    internal void See(int unit, int rows, bool lives) => _silent[unit] = lives ? 0 : _silent[unit] + rows;

    /// <summary>The share of the units that have given nothing for so many samples; NaN where there is no unit.</summary>
    internal double ShareSilent(long window) => _silent.Length == 0 ? double.NaN : (double)_silent.Count(rows => rows >= window) / _silent.Length;
}
