/** 97.5% quantile of the standard normal distribution, so 95% of it lie between −z975 and z975. */
export const z975 = 1.959964;
